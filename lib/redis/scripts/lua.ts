// Generated from the .lua files in the folders beside it: edit those, then run `npm run embed:lua`.

export const LOCK_SCRIPT = `-- A vector of lock operations, in one call. Each is atomic and isolated: one that fails hurts no neighbour.
--
-- KEYS, one for each operation: H. The other keys of a lock are H and a suffix, and so in the slot of H. On a Cluster
-- they stand behind, so that the server sees whether all are there while a slot moves:
--   H            string      the exclusive holder: "<owner> <token>"; after a release that keeps it: "~<owner> <token>"
--   S  :shared   sorted set  the shared holders: owner (or "~<owner>") -> end of the lease, ms
--   Q  :queue    sorted set  the waiters: owner -> ticket, us
--   W  :waiter   hash        waiter -> "<alive until, ms> <attempt> <permits> <ttl> <block> <push>"
--   F  :fence    string      the last token given out or set aside
-- An owner is "<instance>#<seq>". Time is the server's.
--
-- ARGV[1]: what stands before an instance in the name of its channel. Then, for each operation:
--   acquire owner permits ttl alive ticket attempt block push
--           -> token | "g <token> <block>" | "b <retry after, ms> <ticket> <rank> <holder>"
--   renew owner ttl          -> 1, or 0: not the owner's
--   release owner retain     -> 1, or 0: was not the owner's
--   withdraw owner           -> 1
--   force expected           -> 1, or 0: the last token is not the expected one (empty: none), or nobody holds
--   inspect                  -> {last token, holder, its ms, shared holders, {owner, ms} each, {owner, permits, ms} each waiter}
--   probe instance           -> how many hear the channel of the instance on this server
-- or "e <message>" for any of them.
--
-- Messages on the channel of an instance: "<seq> <attempt> <token> <block> <provisional>" grants,
-- "<seq> x" says that the hold was ended by force, "<seq> ?" says to ask again.
--
-- Rules: whoever finds H absent and Q present promotes; the deciding write comes before the PUBLISH; checks come
-- before writes, since nothing is rolled back; every key has a ttl.

local FENCE_MS = 86400000
local HEADS = 16

local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local ms = math.floor(us / 1000)
local channel = ARGV[1]
local H, S, Q, W, F

local function text(number)
  return string.format('%.0f', number)
end

local function is_of(holder, owner)
  return holder and string.sub(holder, 1, #owner + 1) == owner .. ' '
end

-- Gives a key that was just written a ttl; where that is refused, takes back what was written.
local function keep(key, ttl, undo, member)
  local ok, problem = pcall(function()
    if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
  end)
  if not ok then
    redis.call(undo, key, member)
    error(problem)
  end
end

local function tell(owner, message)
  local instance, seq = string.match(owner, '^(.*)#(%d+)$')
  if not instance then return 0 end
  local heard = redis.pcall('PUBLISH', channel .. instance, seq .. ' ' .. message)
  return type(heard) == 'number' and heard or nil
end

-- The first of \`block\` tokens. Counts from the time and not by INCR: after a loss of data INCR starts below tokens
-- that were given out.
local function next_token(block)
  local old = tonumber(redis.call('SET', F, text(us + block - 1), 'PX', FENCE_MS, 'GET') or 0) or 0
  if old < us then return us end
  redis.call('SET', F, text(old + block), 'PX', FENCE_MS)
  return old + 1
end

-- Holders whose shares overlap have one token, so that a guarded resource refuses none of them.
local function epoch_token()
  local token = redis.call('EXISTS', S) == 1 and tonumber(redis.call('GET', F) or '')
  if not token then return next_token(1) end
  redis.call('PEXPIRE', F, FENCE_MS)
  return token
end

local function share(owner, ttl)
  -- Rounded up: it must not end before the holder thinks.
  redis.call('ZADD', S, ms + 1 + ttl, owner)
  keep(S, ttl + 1, 'ZREM', owner)
end

local function grant(owner, permits, ttl, block)
  if permits > 0 then
    local token = epoch_token()
    share(owner, ttl)
    return token
  end
  local token = next_token(block)
  redis.call('SET', H, owner .. ' ' .. text(token), 'PX', ttl)
  return token
end

local function drop_ended_shares()
  redis.call('ZREMRANGEBYSCORE', S, '-inf', ms)
end

-- H is absent and ended shares are dropped.
local function admissible(permits)
  if permits == 0 then return redis.call('EXISTS', S) == 0 end
  return redis.call('ZCARD', S) < permits
end

-- The queue: promotion, places, and what a caller is told who has to wait.

-- Grants to the heads of the queue as long as they are admissible. H is absent. Returns what \`self\` was granted.
local function promote(self)
  local own, own_block
  while true do
    local heads = redis.call('ZRANGE', Q, 0, HEADS - 1)
    if #heads == 0 then return own, own_block end
    drop_ended_shares()
    for _, owner in ipairs(heads) do
      local waiter = redis.call('HGET', W, owner)
      local alive, attempt, permits, ttl, block, push
      if waiter then alive, attempt, permits, ttl, block, push = string.match(waiter, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d)$') end
      if alive and tonumber(alive) > ms then
        permits, ttl, block = tonumber(permits), tonumber(ttl), tonumber(block)
        if not admissible(permits) then return own, own_block end
        -- Without the certainty that a message to a dead process is noticed, the grant lasts as long as the waiter is
        -- known to be alive, and is made whole when it asks again.
        local provisional = push == '0' and owner ~= self
        if provisional then ttl = math.min(ttl, tonumber(alive) - ms) end
        local token = grant(owner, permits, ttl, block)
        redis.call('ZREM', Q, owner)
        redis.call('HDEL', W, owner)
        local gone = false
        if owner == self then
          own, own_block = token, permits > 0 and 1 or block
        else
          block = permits > 0 and 1 or block
          local heard = tell(owner, attempt .. ' ' .. text(token) .. ' ' .. block .. ' ' .. (provisional and 1 or 0))
          gone = heard == 0 and not provisional
        end
        if gone then
          if permits > 0 then redis.call('ZREM', S, owner) else redis.call('DEL', H) end
        elseif permits == 0 then
          return own, own_block
        end
      else
        redis.call('ZREM', Q, owner)
        redis.call('HDEL', W, owner)
      end
    end
  end
end

-- What the owner holds already, with a new lease: its token and block.
local function renewed(holder, owner, ttl)
  if is_of(holder, owner) then
    redis.call('PEXPIRE', H, ttl)
    local token = tonumber(string.match(holder, '(%d+)$'))
    return token, math.max(1, (tonumber(redis.call('GET', F) or '') or 0) - token + 1)
  end
  if holder then return nil end
  local until_ms = redis.call('ZSCORE', S, owner)
  if not until_ms or tonumber(until_ms) <= ms then return nil end
  local token = epoch_token()
  share(owner, ttl)
  return token, 1
end

local function enqueue(owner, ticket, alive, rest)
  local place = redis.call('ZSCORE', Q, owner)
  redis.call('HSET', W, owner, text(ms + alive) .. ' ' .. rest)
  keep(W, 4 * alive, 'HDEL', owner)
  if not place then
    if ticket == 0 then
      local last = redis.call('ZRANGE', Q, -1, -1, 'WITHSCORES')
      ticket = math.max(us, (tonumber(last[2] or '') or 0) + 1)
    end
    redis.call('ZADD', Q, text(ticket), owner)
  end
  keep(Q, 4 * alive, 'ZREM', owner)
end

local function busy(holder, owner)
  local left, who
  if holder then
    left = redis.call('PTTL', H)
    if left < 0 then left = FENCE_MS end
    who = string.sub(holder, 1, 1) ~= '~' and (string.match(holder, '^(.*) %d+$') or holder) or ''
  else
    local shares = redis.call('ZRANGE', S, 0, HEADS - 1, 'WITHSCORES')
    left = shares[2] and math.max(0, tonumber(shares[2]) - ms - 1) or 0
    who = ''
    for i = 1, #shares, 2 do
      if who == '' and string.sub(shares[i], 1, 1) ~= '~' then who = shares[i] end
    end
  end
  local rank = redis.call('ZRANK', Q, owner)
  local ticket = rank and tonumber(redis.call('ZSCORE', Q, owner)) or 0
  return 'b ' .. text(left) .. ' ' .. text(ticket) .. ' ' .. (rank or 0) .. ' ' .. who
end

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
`;
