-- Shared holds.

-- The permits of a sharer that does not count the others.
local UNBOUNDED = 9007199254740991

-- `bounded`: its permits are in B.
local function share(owner, ttl, bounded)
  -- Rounded up: it must not end before the holder thinks.
  call('ZADD', S, ms + 1 + ttl + (bounded and 0.5 or 0), owner)
  keep(S, ttl + 1, 'ZREM', owner)
  extend(E, ttl + 1)
  if bounded then extend(B, ttl + 1) end
end

-- The share, by its score: when it ends, in ms, and whether its permits are in B.
local function read_share(score)
  local until_ms = tonumber(score)
  local whole = math.floor(until_ms)
  return whole, whole < until_ms
end

local function is_inside(owner)
  return call('ZSCORE', S, owner) or call('ZSCORE', S, '~' .. owner)
end

-- The owner counts how many are inside. Shares that ended by themselves leave their bound behind: removed before there
-- are more than twice as many as shares.
local function bind(owner, permits, ttl)
  call('ZADD', B, text(permits), owner)
  keep(B, ttl + 1, 'ZREM', owner)
  lowest = nil
  if call('ZCARD', B) <= 2 * inside + HEADS then return end
  for _, other in ipairs(call('ZRANGE', B, 0, -1)) do
    if not is_inside(other) then call('ZREM', B, other) end
  end
end

local function drop_ended_shares()
  call('ZREMRANGEBYSCORE', S, '-inf', ms)
end

local function look_inside()
  drop_ended_shares()
  inside, lowest = call('ZCARD', S), nil
end

-- How many may be inside at the most, as the sharers say.
local function lowest_bound()
  while true do
    local first = call('ZRANGE', B, 0, 0, 'WITHSCORES')
    if not first[1] then return UNBOUNDED end
    if is_inside(first[1]) then return tonumber(first[2]) end
    call('ZREM', B, first[1])
  end
end

-- Whether one more fits its own bound, and that of every sharer. H is absent.
local function admissible(permits)
  if permits == 0 or inside == 0 then return inside == 0 end
  if inside >= permits then return false end
  lowest = lowest or lowest_bound()
  return inside < lowest
end
