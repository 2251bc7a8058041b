-- The operations, whatever stands in their way.

local operations = {}

function operations.acquire(permits, owner, ttl, block, alive, ticket, attempt, push, callers, max_waiting)
  permits, ttl, alive, ticket = tonumber(permits), tonumber(ttl), tonumber(alive), tonumber(ticket)
  max_waiting = tonumber(max_waiting or '')
  if call('EXISTS', H, S, Q) == 0 then return grant(owner, permits, ttl, block) end

  local holder = call('GET', H)
  local token, granted_block = renewed(holder, owner, ttl)
  if token then
    if not holder then promote() end
    return 'g ' .. token .. ' ' .. granted_block
  end

  if not holder then
    drop_ended_shares()
    if call('EXISTS', Q) == 0 and admissible(permits) then return grant(owner, permits, ttl, block) end
  end
  local kind = ticket > 0 and not call('ZSCORE', Q, owner) and 'r' or 'b'
  if alive > 0 and (not max_waiting or ticket > 0 or has_room(owner, max_waiting)) then
    local rest = table.concat({ attempt, text(permits), text(ttl), block, callers, push }, ' ')
    enqueue(owner, ticket, alive, rest)
  end
  if not holder then
    token, granted_block = promote(owner)
    if token then return 'n ' .. token .. ' ' .. granted_block end
    holder = call('GET', H)
    if alive == 0 and not holder and call('EXISTS', Q) == 0 and admissible(permits) then
      return grant(owner, permits, ttl, block)
    end
  end
  return busy(holder, owner, kind)
end

function operations.renew(ttl, owner)
  local holder = call('GET', H)
  local ours = renewed(holder, owner, tonumber(ttl))
  if not holder then promote() end
  return ours and 1 or 0
end

function operations.raise(ttl, owner, token, block)
  local ours = operations.renew(ttl, owner)
  if ours == 0 then return 0 end
  local last = tonumber(token) + tonumber(block) - 1
  if (tonumber(call('GET', F) or '') or 0) < last then call('SET', F, text(last), 'PX', FENCE_MS) end
  if call('EXISTS', H) == 1 then call('SET', H, owner .. ' ' .. token, 'PX', ttl) end
  return 1
end

-- Tells the first in line to ask again, since what it waits for ends at another time now.
local function nudge()
  local head = call('ZRANGE', Q, 0, 0)
  if head[1] then tell(head[1], '?') end
end

function operations.release(retain, owner)
  retain = tonumber(retain)
  local holder = call('GET', H)
  local was_ours = 0
  if is_of(holder, owner) then
    if retain > 0 then
      call('SET', H, '~' .. holder, 'PX', retain)
      nudge()
      return 1
    end
    call('DEL', H)
    was_ours = 1
  elseif is_of(holder, '~' .. owner) then
    return 1
  elseif holder then
    call('ZREM', S, owner)
    return 0
  else
    local until_ms = call('ZSCORE', S, owner)
    if until_ms then
      call('ZREM', S, owner)
      if tonumber(until_ms) > ms then
        was_ours = 1
        if retain > 0 then
          share('~' .. owner, retain)
          nudge()
        end
      end
    else
      local kept_until = call('ZSCORE', S, '~' .. owner)
      if kept_until and tonumber(kept_until) > ms then was_ours = 1 end
    end
  end
  -- The lock is given back, whatever becomes of the next in line, who asks again by itself.
  pcall(promote)
  return was_ours
end

function operations.withdraw(owner)
  call('ZREM', Q, owner)
  call('HDEL', W, owner)
  operations.release('0', owner)
  return 1
end
