-- The queue: promotion, places, and what a caller is told who has to wait.

-- The longest lease, in ms, that is given to a waiter without the certainty that it hears of it.
local PROVISIONAL_MS = 5000
-- In a queue of up to so many, all who have died are found.
local CROWD = 512

-- Grants to the heads of the queue as long as they are admissible. H is absent. Returns what `self` was granted.
local function promote(self)
  local own, own_block
  while true do
    local heads = call('ZRANGE', Q, 0, HEADS - 1)
    if #heads == 0 then return own, own_block end
    look_inside()
    for _, owner in ipairs(heads) do
      local waiter = call('HGET', W, owner)
      local alive, attempt, permits, ttl, block, push
      if waiter then
        alive, attempt, permits, ttl, block, push = match(waiter, '^(%d+) (%d+) (%d+) (%d+) (%d+) %d+ (%d)$')
      end
      if alive and tonumber(alive) > ms then
        permits, ttl = tonumber(permits), tonumber(ttl)
        if not admissible(permits) then return own, own_block end
        -- Without the certainty that a message to a dead process is noticed, the grant lasts for a short while, and no
        -- longer than the waiter is known to be alive; it is made whole when the waiter asks again.
        local provisional = push == '0' and owner ~= self
        if provisional then ttl = math.min(ttl, tonumber(alive) - ms, PROVISIONAL_MS) end
        local token, set_aside = grant(owner, permits, ttl, block)
        call('ZREM', Q, owner)
        call('HDEL', W, owner)
        local gone = false
        if owner == self then
          own, own_block = token, set_aside
        else
          local heard = tell(owner, attempt .. ' ' .. token .. ' ' .. set_aside .. ' ' .. (provisional and 1 or 0))
          gone = heard == 0 and not provisional
        end
        if gone then
          -- Who listens to a replica has heard of it.
          tell(owner, 'x ' .. token)
          if permits > 0 then
            call('ZREM', S, owner)
            call('ZREM', B, owner)
            inside, lowest = inside - 1, nil
          else
            call('DEL', H)
          end
        elseif permits == 0 then
          return own, own_block
        end
      else
        call('ZREM', Q, owner)
        call('HDEL', W, owner)
      end
    end
  end
end

-- What the owner holds already, with a new lease: its token and block, as texts.
local function renewed(holder, owner, ttl)
  if is_of(holder, owner) then
    call('PEXPIRE', H, ttl)
    prolong_fence(ttl)
    local token = match(holder, '(%d+)$')
    return token, text(math.max(1, (tonumber(call('GET', F) or '') or 0) - token + 1))
  end
  if holder then return nil end
  local score = call('ZSCORE', S, owner)
  if not score then return nil end
  local until_ms, bounded = read_share(score)
  if until_ms <= ms then return nil end
  local token = epoch_token(ttl)
  share(owner, ttl, bounded)
  return token, '1'
end

local function drop_waiter(owner)
  call('ZREM', Q, owner)
  call('HDEL', W, owner)
end

-- Whether one more may enter the queue. The dead do not count: who has not been heard of, and who would not hear that it
-- is its turn.
local function has_room(max_waiting)
  if call('ZCARD', Q) < max_waiting then return true end
  local waiters, sure, channels = call('HRANDFIELD', W, CROWD, 'WITHVALUES'), {}, {}
  for i = 1, #waiters, 2 do
    local owner, alive, push = waiters[i], match(waiters[i + 1], '^(%d+) .*(%d)$')
    if tonumber(alive or 0) <= ms then
      drop_waiter(owner)
    elseif push == '1' then
      sure[#sure + 1], channels[#channels + 1] = owner, ARGV[1] .. match(owner, '^(.*)#')
    end
  end
  if call('ZCARD', Q) < max_waiting then return true end
  local heard = sure[1] and redis.pcall('PUBSUB', 'NUMSUB', unpack(channels)) or {}
  for i, owner in ipairs(sure) do
    if heard[2 * i] == 0 then drop_waiter(owner) end
  end
  return call('ZCARD', Q) < max_waiting
end

-- `place`: the ticket with which it stands in the queue already. `rest`: what it asks for.
local function enqueue(owner, place, ticket, alive, rest)
  call('HSET', W, owner, text(ms + alive) .. ' ' .. rest)
  keep(W, 4 * alive, 'HDEL', owner)
  if ticket == 0 and not place then
    local last = call('ZRANGE', Q, -1, -1, 'WITHSCORES')
    ticket = math.max(now, (tonumber(last[2] or '') or 0) + 1)
  end
  if ticket > 0 and ticket ~= tonumber(place) then call('ZADD', Q, text(ticket), owner) end
  keep(Q, 4 * alive, 'ZREM', owner)
end

-- For how long it is held yet, in ms, as a text that is empty where that has no end; and by whom.
local function obstacle(holder)
  if holder then
    local left, owner = call('PTTL', H), read_holder(holder)
    local is_kept = owner and string.byte(owner) == 126
    return left < 0 and '' or text(left), is_kept and '' or owner or line(holder)
  end
  local shares = call('ZRANGE', S, 0, HEADS - 1, 'WITHSCORES')
  local left = shares[2] and math.max(0, read_share(shares[2]) - ms - 1) or 0
  for i = 1, #shares, 2 do
    if string.sub(shares[i], 1, 1) ~= '~' then return text(left), line(shares[i]) end
  end
  return text(left), ''
end

local function busy(holder, owner, kind)
  local left, who = obstacle(holder)
  local rank = call('ZRANK', Q, owner)
  local ticket = rank and tonumber(call('ZSCORE', Q, owner)) or 0
  return (kind or 'b') .. ' ' .. left .. ' ' .. text(ticket) .. ' ' .. (rank or 0) .. ' ' .. who
end
