-- Holds: exclusive and shared ones, and what is said about them.

local HEADS = 16
local FENCE_MS = 86400000

local call, match = redis.call, string.match
-- The time in us.
local now = tonumber(us or read_time())
local ms = math.floor(now / 1000)
-- The keys of the lock of the operation at hand.
local H, S, Q, W, F, D

local function text(number)
  return string.format('%.0f', number)
end

-- What another program wrote under our keys may be anything; a reply is one line.
local function line(foreign)
  return (string.gsub(foreign, '%c', ' '))
end

-- Gives a key that was just written a ttl; where that is refused, takes back what was written.
local function keep(key, ttl, undo, member)
  local ok, problem = pcall(function()
    if call('PTTL', key) < ttl then call('PEXPIRE', key, ttl) end
  end)
  if not ok then
    call(undo, key, member)
    error(problem)
  end
end

local function tell(owner, message)
  local instance, seq = match(owner, '^(.*)#(%d+)$')
  if not instance then return 0 end
  local heard = redis.pcall('PUBLISH', ARGV[1] .. instance, seq .. ' ' .. message)
  return type(heard) == 'number' and heard or nil
end

-- Holders whose shares overlap have one token, so that a guarded resource refuses none of them.
local function epoch_token()
  local token = call('EXISTS', S) == 1 and tonumber(call('GET', F) or '')
  if not token then return next_token(F, '1') end
  call('PEXPIRE', F, FENCE_MS)
  return text(token)
end

local function share(owner, ttl)
  -- Rounded up: it must not end before the holder thinks.
  call('ZADD', S, ms + 1 + ttl, owner)
  keep(S, ttl + 1, 'ZREM', owner)
end

-- Returns the token, as a text.
local function grant(owner, permits, ttl, block)
  local token
  if permits > 0 then
    token = epoch_token()
    share(owner, ttl)
  else
    token = next_token(F, block)
    call('SET', H, owner .. ' ' .. token, 'PX', ttl)
  end
  return token
end

local function drop_ended_shares()
  call('ZREMRANGEBYSCORE', S, '-inf', ms)
end

-- H is absent and ended shares are dropped.
local function admissible(permits)
  if permits == 0 then return call('EXISTS', S) == 0 end
  return call('ZCARD', S) < permits
end
