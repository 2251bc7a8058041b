-- Promotion: what is free is granted to the first in the queue.

-- The longest lease, in ms, that is given to a waiter without the certainty that it hears of it.
local PROVISIONAL_MS = 5000

local function drop_waiter(owner)
  call('ZREM', Q, owner)
  call('HDEL', W, owner)
end

-- A grant that nobody hears is taken back.
local function take_back(owner, permits, token)
  -- A process that listens to a replica has heard of it.
  tell(owner, 'x ' .. token)
  if permits == 0 then
    call('DEL', H)
    return
  end
  call('ZREM', S, owner)
  call('ZREM', B, owner)
  inside, lowest = inside - 1, nil
  if inside == 0 then call('DEL', E) end
end

-- Grants to the heads of the queue as long as they are admissible. H is absent. Returns what `self` was granted.
local function promote(self)
  local own, own_reserved
  while true do
    local heads = call('ZRANGE', Q, 0, HEADS - 1)
    if #heads == 0 then return own, own_reserved end
    look_inside()
    for _, owner in ipairs(heads) do
      local waiter = call('HGET', W, owner)
      local alive, attempt, permits, ttl, reserve, push
      if waiter then
        alive, attempt, permits, ttl, reserve, push = match(waiter, '^(%d+) (%d+) (%d+) (%d+) (%d+) %d+ (%d)$')
      end
      if alive and tonumber(alive) > ms then
        permits, ttl = tonumber(permits), tonumber(ttl)
        if not admissible(permits) then return own, own_reserved end
        -- Without the certainty that a message to a dead process is noticed, the grant lasts for a short while, and no
        -- longer than the waiter is known to be alive; it is made whole when the waiter asks again.
        local provisional = push == '0' and owner ~= self
        if provisional then ttl = math.min(ttl, tonumber(alive) - ms, PROVISIONAL_MS) end
        local token, reserved = grant(owner, permits, ttl, reserve)
        drop_waiter(owner)
        local heard
        if owner == self then
          own, own_reserved = token, reserved
        else
          heard = tell(owner, attempt .. ' ' .. token .. ' ' .. reserved .. ' ' .. (provisional and 1 or 0))
        end
        if heard == 0 and not provisional then
          take_back(owner, permits, token)
        elseif permits == 0 then
          return own, own_reserved
        end
      else
        drop_waiter(owner)
      end
    end
  end
end
