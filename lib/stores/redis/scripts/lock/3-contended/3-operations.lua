-- The operations, whatever stands in their way.

local operations = {}

-- The reply to a grant.
local function granted_now(block, token, set_aside)
  return set_aside == block and token or 'n ' .. token .. ' ' .. set_aside
end

function operations.acquire(permits, owner, ttl, block, alive, ticket, attempt, push, callers, max_waiting)
  permits, ttl, alive, ticket = tonumber(permits), tonumber(ttl), tonumber(alive), tonumber(ticket)
  max_waiting = tonumber(max_waiting or '')
  if permits > 0 then block = '1' end
  if call('EXISTS', H, S, Q) == 0 then
    inside = 0
    return granted_now(block, grant(owner, permits, ttl, block))
  end

  local holder = call('GET', H)
  local token, set_aside = renewed(holder, owner, ttl)
  if token then
    if not holder then promote() end
    return 'g ' .. token .. ' ' .. set_aside
  end

  if not holder then
    look_inside()
    if call('EXISTS', Q, B) == 0 then
      lowest = UNBOUNDED
      if admissible(permits) then return granted_now(block, grant(owner, permits, ttl, block)) end
    end
  end
  local place = alive > 0 and call('ZSCORE', Q, owner)
  local may_enter = place or ticket > 0
  local rest = alive > 0 and table.concat({ attempt, text(permits), text(ttl), block, callers, push }, ' ')
  if alive > 0 and may_enter then enqueue(owner, place, ticket, alive, rest) end
  if not holder then
    -- First the living, then the bounds: what is free is nobody's because of those who have died.
    token, set_aside = promote(owner)
    if token then return 'n ' .. token .. ' ' .. set_aside end
    holder = call('GET', H)
    if not holder and call('EXISTS', Q) == 0 then
      look_inside()
      if admissible(permits) then return granted_now(block, grant(owner, permits, ttl, block)) end
    end
  end
  if alive > 0 and not may_enter and (not max_waiting or has_room(max_waiting)) then
    enqueue(owner, place, ticket, alive, rest)
  end
  return busy(holder, owner, ticket > 0 and not place and 'r' or 'b')
end

function operations.renew(ttl, owner)
  local holder = call('GET', H)
  local ours = renewed(holder, owner, tonumber(ttl))
  if not holder then promote() end
  return ours and 1 or 0
end

operations.prolong = operations.renew

function operations.raise(ttl, owner, token, block)
  local ours = operations.renew(ttl, owner)
  if ours == 0 then return 0 end
  local last = tonumber(token) + tonumber(block) - 1
  if (tonumber(call('GET', F) or '') or 0) < last then
    local life = math.max(call('PTTL', F), tonumber(fence_life(tonumber(ttl))) * 1000)
    call('SET', F, text(last), 'PX', text(life))
  end
  if call('EXISTS', H) == 1 then call('SET', H, owner .. ' ' .. token, 'PX', ttl) end
  return 1
end

-- Tells the first in line to ask again, since what it waits for ends at another time now.
local function nudge()
  local head = call('ZRANGE', Q, 0, 0)
  if head[1] then tell(head[1], '?') end
end

-- The owner, as the traces have it.
local function in_trace(owner)
  local length = #ARGV[2]
  local is_short = string.byte(owner, length + 1) == 35 and string.find(owner, ARGV[2], 1, true) == 1
  return is_short and string.sub(owner, length + 1) or owner
end

-- Whether this call, when it was here before, or one of these has ended the owner's hold: 1, 0, or "u" where a later call
-- has taken the place of the trace.
local function traced(owner, ...)
  local reply = 0
  if ARGV[3] == '' then return reply end
  for _, number in ipairs({ match(ARGV[3], '%d+'), ... }) do
    local trace = call('HGET', KEYS[#KEYS], string.sub(number, -3)) or ''
    local in_place, owners = match(trace, '^%+?(%d+)(.*)$')
    if in_place == number then
      if string.find(owners .. ' ', ' ' .. in_trace(owner) .. ' ', 1, true) then return 1 end
    elseif in_place and tonumber(in_place) > tonumber(number) then
      reply = 'u'
    end
  end
  return reply
end

-- Ends the owner's share, and keeps it from the others for a while. Whether it was the owner's until now.
local function end_share(retain, owner)
  local score = call('ZSCORE', S, owner)
  if not score then
    local kept = call('ZSCORE', S, '~' .. owner)
    return kept and read_share(kept) > ms
  end
  local until_ms, bounded = read_share(score)
  local is_ours = until_ms > ms
  call('ZREM', S, owner)
  if is_ours and retain > 0 then
    share('~' .. owner, retain, bounded)
    prolong_fence(retain)
    nudge()
  elseif bounded then
    call('ZREM', B, owner)
  end
  return is_ours
end

-- The same of any hold.
local function end_hold(retain, owner)
  local holder = call('GET', H)
  local was_ours
  if is_of(holder, owner) then
    if retain > 0 then
      call('SET', H, '~' .. holder, 'PX', retain)
      prolong_fence(retain)
      nudge()
      return true
    end
    call('DEL', H)
    was_ours = true
  elseif is_of(holder, '~' .. owner) then
    return true
  elseif holder then
    call('ZREM', S, owner)
    return false
  else
    was_ours = end_share(retain, owner)
  end
  -- The lock is given back, whatever becomes of the next in line, who asks again by itself.
  pcall(promote)
  return was_ours
end

function operations.release(retain, owner, ...)
  if not end_hold(tonumber(retain), owner) then return traced(owner, ...) end
  released[#released + 1] = in_trace(owner)
  return 1
end

operations.again = operations.release

function operations.withdraw(owner)
  call('ZREM', Q, owner)
  call('HDEL', W, owner)
  end_hold(0, owner)
  return 1
end
