-- ttl owner token reserved -> 1, or 0: not the owner's
-- A renewal, after which these are the tokens of the hold, and every later one is higher.
operations.raise = function(ttl, owner, token, reserved)
  if operations.renew(ttl, owner) == 0 then return 0 end
  local last = tonumber(token) + tonumber(reserved) - 1
  local fence = tonumber(call('GET', F) or '')
  if not fence then
    call('SET', F, text(last), 'PX', FENCE_MS)
  elseif fence < last then
    call('SET', F, text(last), 'KEEPTTL')
  end
  if call('EXISTS', H) == 1 then
    call('SET', H, owner .. ' ' .. token .. (reserved == '1' and '' or ' ' .. reserved), 'PX', ttl)
  elseif tonumber(call('GET', E) or '0') < tonumber(token) then
    call('SET', E, token, 'KEEPTTL')
  end
  return 1
end
