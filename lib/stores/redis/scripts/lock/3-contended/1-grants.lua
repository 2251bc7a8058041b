-- Holds: exclusive and shared ones, and what is said about them.

local HEADS = 16
-- The permits of a sharer that does not count the others.
local UNBOUNDED = 9007199254740991

local call, match = redis.call, string.match
-- The time in us.
local now = tonumber(us or read_time())
local ms = math.floor(now / 1000)
-- The keys of the lock of the operation at hand.
local H, S, B, Q, W, F, D
-- Its sharers: how many there are, and the lowest of their bounds as soon as somebody has asked for it.
local inside, lowest

local function text(number)
  return string.format('%.0f', number)
end

-- What another program wrote under our keys may be anything; a reply is one line, and an empty one says that nobody holds.
local function line(foreign)
  return foreign == '' and '(empty)' or (string.gsub(foreign, '%c', ' '))
end

-- Owner and token in the value of H, the owner with its tilde; nothing where another program has written it.
local function read_holder(holder)
  return match(holder, '^(%S+#%d+) (%d+)$')
end

-- Gives a key a ttl that is no shorter than this.
local function extend(key, ttl)
  if call('PTTL', key) < ttl then call('PEXPIRE', key, ttl) end
end

-- Gives a key that was just written a ttl; where that is refused, takes back what was written.
local function keep(key, ttl, undo, member)
  local ok, problem = pcall(extend, key, ttl)
  if not ok then
    call(undo, key, member)
    error(problem)
  end
end

-- How long the fence lives after it has numbered a lease, in s. A longer lease than FENCE_S is made for may be renewed
-- once before the fence is prolonged.
local function fence_life(ttl)
  return ttl < 1000000 and FENCE_S or text(90000 + 2 * math.ceil(ttl / 1000))
end

-- The fence outlives a lease of `ttl` from now on.
local function prolong_fence(ttl)
  call('PEXPIRE', F, fence_life(ttl) .. '000', 'GT')
end

local function tell(owner, message)
  local instance, seq = match(owner, '^(.*)#(%d+)$')
  if not instance then return 0 end
  local heard = redis.pcall('PUBLISH', ARGV[1] .. instance, seq .. ' ' .. message)
  return type(heard) == 'number' and heard or nil
end

-- Holders whose shares overlap have one token, so that a guarded resource refuses none of them.
local function epoch_token(ttl)
  local token = tonumber(call('GET', F) or '')
  if not token then return (next_token(F, '1', fence_life(ttl))) end
  prolong_fence(ttl)
  return text(token)
end

-- `bounded`: its permits stand in B.
local function share(owner, ttl, bounded)
  -- Rounded up: it must not end before the holder thinks.
  call('ZADD', S, ms + 1 + ttl + (bounded and 0.5 or 0), owner)
  keep(S, ttl + 1, 'ZREM', owner)
  if bounded then extend(B, ttl + 1) end
end

-- The share, by its score: when it ends, in ms, and whether its permits stand in B.
local function read_share(score)
  local until_ms = tonumber(score)
  local whole = math.floor(until_ms)
  return whole, whole < until_ms
end

local function is_inside(owner)
  return call('ZSCORE', S, owner) or call('ZSCORE', S, '~' .. owner)
end

-- The owner counts how many are inside. Those whose shares ended by themselves leave their bound behind: cleared away before
-- they are more than twice as many as those inside.
local function bind(owner, permits, ttl)
  call('ZADD', B, text(permits), owner)
  keep(B, ttl + 1, 'ZREM', owner)
  lowest = nil
  if call('ZCARD', B) <= 2 * inside + HEADS then return end
  for _, other in ipairs(call('ZRANGE', B, 0, -1)) do
    if not is_inside(other) then call('ZREM', B, other) end
  end
end

-- Returns the first token, and how many are set aside, as texts.
local function grant(owner, permits, ttl, block)
  if permits > 0 then
    local token = inside > 0 and epoch_token(ttl) or next_token(F, '1', fence_life(ttl))
    local bounded = permits < UNBOUNDED
    if bounded then bind(owner, permits, ttl) end
    share(owner, ttl, bounded)
    inside = inside + 1
    return token, '1'
  end
  local token, set_aside = next_token(F, block, fence_life(ttl))
  call('SET', H, owner .. ' ' .. token, 'PX', ttl)
  return token, set_aside
end

local function drop_ended_shares()
  call('ZREMRANGEBYSCORE', S, '-inf', ms)
end

local function look_inside()
  drop_ended_shares()
  inside, lowest = call('ZCARD', S), nil
end

-- How many may be inside at the most, as those say who are.
local function lowest_bound()
  while true do
    local first = call('ZRANGE', B, 0, 0, 'WITHSCORES')
    if not first[1] then return UNBOUNDED end
    if is_inside(first[1]) then return tonumber(first[2]) end
    call('ZREM', B, first[1])
  end
end

-- Whether one more fits its own bound, and that of everybody inside. H is absent.
local function admissible(permits)
  if permits == 0 or inside == 0 then return inside == 0 end
  if inside >= permits then return false end
  lowest = lowest or lowest_bound()
  return inside < lowest
end
