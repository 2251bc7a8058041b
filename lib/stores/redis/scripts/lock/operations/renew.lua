-- ttl owner -> 1, or 0: not the owner's
operations.renew = function(ttl, owner)
  local holder = call('GET', H)
  local ours = renewed(holder, owner, tonumber(ttl))
  if not holder then promote() end
  return ours and 1 or 0
end
