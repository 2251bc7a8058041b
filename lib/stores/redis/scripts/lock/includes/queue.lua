-- The queue: places, and what a caller is told that has to wait.

-- In a queue of up to so many, all that have died are found.
local CROWD = 512

-- Whether one more may enter the queue. The dead do not count: waiters that have not been heard of, and waiters that
-- would not hear that it is their turn.
local function has_room(max_waiting)
  if call('ZCARD', Q) < max_waiting then return true end
  local waiters, sure, channels = call('HRANDFIELD', W, CROWD, 'WITHVALUES'), {}, {}
  for i = 1, #waiters, 2 do
    local owner, alive, push = waiters[i], match(waiters[i + 1], '^(%d+) .*(%d)$')
    if tonumber(alive or 0) <= ms then
      drop_waiter(owner)
    elseif push == '1' then
      sure[#sure + 1], channels[#channels + 1] = owner, prefix .. match(owner, '^(.*)#')
    end
  end
  if call('ZCARD', Q) < max_waiting then return true end
  local heard = sure[1] and try('PUBSUB', 'NUMSUB', unpack(channels)) or {}
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

-- For how long it is held yet, in ms, as a string that is empty where that has no end; and by which owner.
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

local function busy(holder, owner, letter)
  local left, who = obstacle(holder)
  local rank = call('ZRANK', Q, owner)
  local ticket = rank and tonumber(call('ZSCORE', Q, owner)) or 0
  return (letter or 'b') .. ' ' .. left .. ' ' .. text(ticket) .. ' ' .. (rank or 0) .. ' ' .. who
end
