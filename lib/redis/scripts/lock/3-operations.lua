-- The operations, and the loop over those of one call.

local operations = {}

function operations.acquire(owner, permits, ttl, alive, ticket, attempt, block, push)
  permits, ttl, alive, block = tonumber(permits), tonumber(ttl), tonumber(alive), tonumber(block)
  if redis.call('EXISTS', H, S, Q) == 0 then return grant(owner, permits, ttl, block) end

  local holder = redis.call('GET', H)
  local token, granted_block = renewed(holder, owner, ttl)
  if token then
    if not holder then promote() end
    return 'g ' .. text(token) .. ' ' .. granted_block
  end

  if not holder then
    drop_ended_shares()
    if redis.call('EXISTS', Q) == 0 and admissible(permits) then return grant(owner, permits, ttl, block) end
  end
  if alive > 0 then
    local rest = attempt .. ' ' .. text(permits) .. ' ' .. text(ttl) .. ' ' .. block .. ' ' .. push
    enqueue(owner, tonumber(ticket), alive, rest)
  end
  if not holder then
    token, granted_block = promote(owner)
    if token then return 'g ' .. text(token) .. ' ' .. granted_block end
    holder = redis.call('GET', H)
    if alive == 0 and not holder and redis.call('EXISTS', Q) == 0 and admissible(permits) then
      return grant(owner, permits, ttl, block)
    end
  end
  return busy(holder, owner)
end

function operations.renew(owner, ttl)
  local holder = redis.call('GET', H)
  local ours = renewed(holder, owner, tonumber(ttl))
  if not holder then promote() end
  return ours and 1 or 0
end

-- Tells the first in line to ask again, since what it waits for ends at another time now.
local function nudge()
  local head = redis.call('ZRANGE', Q, 0, 0)
  if head[1] then tell(head[1], '?') end
end

function operations.release(owner, retain)
  retain = tonumber(retain)
  local holder = redis.call('GET', H)
  local was_ours = 0
  if is_of(holder, owner) then
    if retain > 0 then
      redis.call('SET', H, '~' .. holder, 'PX', retain)
      nudge()
      return 1
    end
    redis.call('DEL', H)
    was_ours = 1
  elseif is_of(holder, '~' .. owner) then
    return 1
  elseif holder then
    redis.call('ZREM', S, owner)
    return 0
  else
    local until_ms = redis.call('ZSCORE', S, owner)
    if until_ms then
      redis.call('ZREM', S, owner)
      if tonumber(until_ms) > ms then
        was_ours = 1
        if retain > 0 then
          share('~' .. owner, retain)
          nudge()
        end
      end
    else
      local kept_until = redis.call('ZSCORE', S, '~' .. owner)
      if kept_until and tonumber(kept_until) > ms then was_ours = 1 end
    end
  end
  -- The lock is given back, whatever becomes of the next in line, who asks again by itself.
  pcall(promote)
  return was_ours
end

function operations.withdraw(owner)
  redis.call('ZREM', Q, owner)
  redis.call('HDEL', W, owner)
  operations.release(owner, '0')
  return 1
end

function operations.force(expected)
  local holder = redis.call('GET', H)
  drop_ended_shares()
  local victims = redis.call('ZRANGE', S, 0, -1)
  if (redis.call('GET', F) or '') ~= expected or not holder and #victims == 0 then
    if not holder then promote() end
    return 0
  end
  redis.call('DEL', H, S)
  if holder then victims[#victims + 1] = string.match(holder, '^(.*) %d+$') end
  for _, owner in ipairs(victims) do
    if string.sub(owner, 1, 1) ~= '~' then tell(owner, 'x') end
  end
  promote()
  return 1
end

function operations.inspect()
  if redis.call('EXISTS', H) == 0 then promote() end
  local holder = redis.call('GET', H)
  drop_ended_shares()
  local shares = redis.call('ZRANGE', S, 0, -1, 'WITHSCORES')
  local state = { redis.call('GET', F) or '', holder or '', holder and redis.call('PTTL', H) or 0, #shares / 2 }
  for i = 1, #shares, 2 do
    state[#state + 1] = shares[i]
    state[#state + 1] = text(math.max(0, tonumber(shares[i + 1]) - ms - 1))
  end
  local waiters = redis.call('ZRANGE', Q, 0, -1, 'WITHSCORES')
  for i = 1, #waiters, 2 do
    local waiter = redis.call('HGET', W, waiters[i])
    local alive, permits = string.match(waiter or '', '^(%d+) %d+ (%d+) ')
    if alive and tonumber(alive) > ms then
      state[#state + 1] = waiters[i]
      state[#state + 1] = permits
      state[#state + 1] = text(math.max(0, ms - tonumber(waiters[i + 1]) / 1000))
    end
  end
  return state
end

function operations.probe(instance)
  return tell(instance .. '#0', '?') or 0
end

local ARGUMENTS = { acquire = 8, renew = 2, release = 2, withdraw = 1, force = 1, inspect = 0, probe = 1 }
local replies = {}
local at = 2
local i = 0
while ARGV[at] do
  i = i + 1
  H = KEYS[i]
  S, Q, W, F = H .. ':shared', H .. ':queue', H .. ':waiter', H .. ':fence'
  local name = ARGV[at]
  local last = at + ARGUMENTS[name]
  local ok, reply = pcall(operations[name], unpack(ARGV, at + 1, last))
  if not ok then
    reply = 'e ' .. (type(reply) == 'table' and reply.err or tostring(reply))
    -- Nothing can be written at all. As the error of the call it is one that a client may reconnect on.
    if string.sub(reply, 3, 10) == 'READONLY' then return redis.error_reply(string.sub(reply, 3)) end
  end
  replies[i] = reply
  at = last + 1
end
return replies
