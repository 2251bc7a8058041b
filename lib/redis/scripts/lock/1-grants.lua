-- A vector of lock operations, in one call. Each is atomic and isolated: one that fails hurts no neighbour.
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

-- The first of `block` tokens. Counts from the time and not by INCR: after a loss of data INCR starts below tokens
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
