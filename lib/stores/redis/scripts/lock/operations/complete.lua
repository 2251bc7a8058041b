-- remember owner [retain [number ...]] -> 1, or 0: not the owner's
-- Sets the mark; with `retain` it releases as well, and then the reply may be all that a release may be answered.
operations.complete = function(remember, owner, retain, ...)
  local holder = call('GET', H)
  if is_of(holder, owner) then
    call('SET', D, owner .. ' ' .. text(ms), 'PX', remember)
    if retain then operations.release(retain, owner) end
    return 1
  end
  if not holder then promote() end
  if not is_of(call('GET', D), owner) then return traced(owner, ...) end
  -- A write: WAIT of a connection that has written nothing waits for nothing, and the mark may be on no replica yet.
  call('PEXPIRE', D, remember)
  return 1
end
