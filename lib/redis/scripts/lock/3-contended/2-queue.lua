-- The queue: promotion, places, and what a caller is told who has to wait.

-- The longest lease, in ms, that is given to a waiter without the certainty that it hears of it.
local PROVISIONAL_MS = 5000

-- Grants to the heads of the queue as long as they are admissible. H is absent. Returns what `self` was granted.
local function promote(self)
  local own, own_block
  while true do
    local heads = call('ZRANGE', Q, 0, HEADS - 1)
    if #heads == 0 then return own, own_block end
    drop_ended_shares()
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
        local token = grant(owner, permits, ttl, block)
        call('ZREM', Q, owner)
        call('HDEL', W, owner)
        local gone = false
        if owner == self then
          own, own_block = token, permits > 0 and '1' or block
        else
          if permits > 0 then block = '1' end
          local heard = tell(owner, attempt .. ' ' .. token .. ' ' .. block .. ' ' .. (provisional and 1 or 0))
          gone = heard == 0 and not provisional
        end
        if gone then
          if permits > 0 then call('ZREM', S, owner) else call('DEL', H) end
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
    local token = match(holder, '(%d+)$')
    return token, text(math.max(1, (tonumber(call('GET', F) or '') or 0) - token + 1))
  end
  if holder then return nil end
  local until_ms = call('ZSCORE', S, owner)
  if not until_ms or tonumber(until_ms) <= ms then return nil end
  local token = epoch_token()
  share(owner, ttl)
  return token, '1'
end

-- Whether one more may enter the queue. Waiters who died there are found a few at a time, at random: so that looking
-- costs no more the longer the queue is.
local function has_room(owner, max_waiting)
  if call('ZCARD', Q) < max_waiting or call('ZSCORE', Q, owner) then return true end
  local some = call('HRANDFIELD', W, HEADS, 'WITHVALUES')
  for i = 1, #some, 2 do
    if tonumber(match(some[i + 1], '^%d+') or 0) <= ms then
      call('ZREM', Q, some[i])
      call('HDEL', W, some[i])
    end
  end
  return call('ZCARD', Q) < max_waiting
end

local function enqueue(owner, ticket, alive, rest)
  local place = call('ZSCORE', Q, owner)
  call('HSET', W, owner, text(ms + alive) .. ' ' .. rest)
  keep(W, 4 * alive, 'HDEL', owner)
  if ticket == 0 and not place then
    local last = call('ZRANGE', Q, -1, -1, 'WITHSCORES')
    ticket = math.max(now, (tonumber(last[2] or '') or 0) + 1)
  end
  if ticket > 0 and ticket ~= tonumber(place) then call('ZADD', Q, text(ticket), owner) end
  keep(Q, 4 * alive, 'ZREM', owner)
end

local function busy(holder, owner, kind)
  local left, who
  if holder then
    left = call('PTTL', H)
    left = left < 0 and '' or text(left)
    who = string.sub(holder, 1, 1) ~= '~' and (match(holder, '^(.*) %d+$') or holder) or ''
  else
    local shares = call('ZRANGE', S, 0, HEADS - 1, 'WITHSCORES')
    left = text(shares[2] and math.max(0, tonumber(shares[2]) - ms - 1) or 0)
    who = ''
    for i = 1, #shares, 2 do
      if who == '' and string.sub(shares[i], 1, 1) ~= '~' then who = shares[i] end
    end
  end
  local rank = call('ZRANK', Q, owner)
  local ticket = rank and tonumber(call('ZSCORE', Q, owner)) or 0
  return (kind or 'b') .. ' ' .. left .. ' ' .. text(ticket) .. ' ' .. (rank or 0) .. ' ' .. line(who)
end
