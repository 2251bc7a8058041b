-- permits owner ttl reserve alive ticket attempt push callers [max waiting]
-- -> token: granted now, as it was asked for
--  | "n <token> <reserved>": granted now, out of the queue or with fewer tokens than were asked for
--  | "g <token> <reserved>": held already; its lease starts anew
--  | "b <retry after, ms; empty: no end> <ticket> <rank> <holder>"
--  | "r ...", the rest as with "b": it brought a ticket, and did not stand in the queue any more
operations.acquire = function(permits, owner, ttl, reserve, alive, ticket, attempt, push, callers, max_waiting)
  permits, ttl, alive, ticket = tonumber(permits), tonumber(ttl), tonumber(alive), tonumber(ticket)
  max_waiting = tonumber(max_waiting or '')
  if permits > 0 then reserve = '1' end
  if call('EXISTS', H, S, Q) == 0 then
    inside = 0
    return granted_now(reserve, grant(owner, permits, ttl, reserve))
  end

  local holder = call('GET', H)
  local token, reserved = renewed(holder, owner, ttl)
  if token then
    if not holder then promote() end
    return 'g ' .. token .. ' ' .. reserved
  end

  if not holder then
    look_inside()
    if call('EXISTS', Q, B) == 0 then
      lowest = UNBOUNDED
      if admissible(permits) then return granted_now(reserve, grant(owner, permits, ttl, reserve)) end
    end
  end
  local place = alive > 0 and call('ZSCORE', Q, owner)
  local may_enter = place or ticket > 0
  local rest = alive > 0 and table.concat({ attempt, text(permits), text(ttl), reserve, callers, push }, ' ')
  if alive > 0 and may_enter then enqueue(owner, place, ticket, alive, rest) end
  if not holder then
    -- First the living, then the bounds: what is free is not kept from this owner by waiters that have died.
    token, reserved = promote(owner)
    if token then return 'n ' .. token .. ' ' .. reserved end
    holder = call('GET', H)
    if not holder and call('EXISTS', Q) == 0 then
      look_inside()
      if admissible(permits) then return granted_now(reserve, grant(owner, permits, ttl, reserve)) end
    end
  end
  if alive > 0 and not may_enter and (not max_waiting or has_room(max_waiting)) then
    enqueue(owner, place, ticket, alive, rest)
  end
  return busy(holder, owner, ticket > 0 and not place and 'r' or 'b')
end
