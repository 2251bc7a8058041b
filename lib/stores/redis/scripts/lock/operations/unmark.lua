-- owner | at -> 1, or 0: there was no mark, or it is not the owner's, or not of that time
operations.unmark = function(which)
  local mark = call('GET', D)
  if not mark or not is_of(mark, which) and marked_at(mark) ~= which then return 0 end
  return call('DEL', D)
end
