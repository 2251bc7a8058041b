-- expected -> 1, or 0: the token that is held is not the expected one (empty: none), or nobody holds
operations.force = function(expected)
  local holder = call('GET', H)
  local victims = all_holders(holder)
  local token = held_token(holder)
  if token ~= (expected or '') or not holder and #victims == 0 then
    if not holder then promote() end
    return 0
  end
  call('DEL', H, S, B, E)
  tell_all(victims, about('x', token))
  promote()
  return 1
end
