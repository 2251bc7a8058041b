-- -> 1, or 0: nobody holds, or "f": another program does, which cannot be told
operations['request-release'] = function()
  local holder = call('GET', H)
  if holder and not read_holder(holder) then return 'f' end
  return tell_all(all_holders(holder), about('r', held_token(holder)))
end
