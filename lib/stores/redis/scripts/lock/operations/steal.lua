-- owner ttl reserve [expected] -> as acquire; as force, it does nothing unless the token that is held is the expected one
operations.steal = function(owner, ttl, reserve, expected)
  local holder = call('GET', H)
  local token, reserved = renewed(holder, owner, tonumber(ttl))
  if token then return 'g ' .. token .. ' ' .. reserved end
  local victims = all_holders(holder)
  local held = held_token(holder)
  if held ~= (expected or '') then return busy(holder, owner) end
  token, reserved = grant(owner, 0, tonumber(ttl), reserve)
  call('DEL', S, B, E)
  tell_all(victims, about('x', held))
  return granted_now(reserve, token, reserved)
end
