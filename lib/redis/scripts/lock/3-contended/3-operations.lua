-- The operations, whatever stands in their way.

local operations = {}

function operations.acquire(permits, owner, ttl, block, alive, ticket, attempt, push, max_waiting)
  permits, ttl, alive, ticket = tonumber(permits), tonumber(ttl), tonumber(alive), tonumber(ticket)
  max_waiting = tonumber(max_waiting or '')
  if call('EXISTS', H, S, Q) == 0 then return grant(owner, permits, ttl, block) end

  local holder = call('GET', H)
  local token, granted_block = renewed(holder, owner, ttl)
  if token then
    if not holder then promote() end
    return 'g ' .. token .. ' ' .. granted_block
  end

  if not holder then
    drop_ended_shares()
    if call('EXISTS', Q) == 0 and admissible(permits) then return grant(owner, permits, ttl, block) end
  end
  if alive > 0 and (not max_waiting or ticket > 0 or has_room(owner, max_waiting)) then
    local rest = attempt .. ' ' .. text(permits) .. ' ' .. text(ttl) .. ' ' .. block .. ' ' .. push
    enqueue(owner, ticket, alive, rest)
  end
  if not holder then
    token, granted_block = promote(owner)
    if token then return 'g ' .. token .. ' ' .. granted_block end
    holder = call('GET', H)
    if alive == 0 and not holder and call('EXISTS', Q) == 0 and admissible(permits) then
      return grant(owner, permits, ttl, block)
    end
  end
  return busy(holder, owner)
end

function operations.renew(ttl, owner)
  local holder = call('GET', H)
  local ours = renewed(holder, owner, tonumber(ttl))
  if not holder then promote() end
  return ours and 1 or 0
end

function operations.raise(ttl, owner, token, block)
  local ours = operations.renew(ttl, owner)
  if ours == 0 then return 0 end
  local last = tonumber(token) + tonumber(block) - 1
  if (tonumber(call('GET', F) or '') or 0) < last then call('SET', F, text(last), 'PX', FENCE_MS) end
  if call('EXISTS', H) == 1 then call('SET', H, owner .. ' ' .. token, 'PX', ttl) end
  return 1
end

-- Tells the first in line to ask again, since what it waits for ends at another time now.
local function nudge()
  local head = call('ZRANGE', Q, 0, 0)
  if head[1] then tell(head[1], '?') end
end

function operations.release(retain, owner)
  retain = tonumber(retain)
  local holder = call('GET', H)
  local was_ours = 0
  if is_of(holder, owner) then
    if retain > 0 then
      call('SET', H, '~' .. holder, 'PX', retain)
      nudge()
      return 1
    end
    call('DEL', H)
    was_ours = 1
  elseif is_of(holder, '~' .. owner) then
    return 1
  elseif holder then
    call('ZREM', S, owner)
    return 0
  else
    local until_ms = call('ZSCORE', S, owner)
    if until_ms then
      call('ZREM', S, owner)
      if tonumber(until_ms) > ms then
        was_ours = 1
        if retain > 0 then
          share('~' .. owner, retain)
          nudge()
        end
      end
    else
      local kept_until = call('ZSCORE', S, '~' .. owner)
      if kept_until and tonumber(kept_until) > ms then was_ours = 1 end
    end
  end
  -- The lock is given back, whatever becomes of the next in line, who asks again by itself.
  pcall(promote)
  return was_ours
end

function operations.withdraw(owner)
  call('ZREM', Q, owner)
  call('HDEL', W, owner)
  operations.release('0', owner)
  return 1
end

-- Whoever holds, also those who have released and are only kept.
local function all_holders(holder)
  drop_ended_shares()
  local all = call('ZRANGE', S, 0, -1)
  if holder then all[#all + 1] = match(holder, '^(.*) %d+$') end
  return all
end

local function tell_all(owners, message)
  local told = 0
  for _, owner in ipairs(owners) do
    if string.sub(owner, 1, 1) ~= '~' then
      tell(owner, message)
      told = 1
    end
  end
  return told
end

local function is_last_token(expected)
  return (call('GET', F) or '') == (expected or '')
end

function operations.force(expected)
  local holder = call('GET', H)
  local victims = all_holders(holder)
  if not is_last_token(expected) or not holder and #victims == 0 then
    if not holder then promote() end
    return 0
  end
  call('DEL', H, S)
  tell_all(victims, 'x')
  promote()
  return 1
end

function operations.steal(owner, ttl, block, expected)
  local holder = call('GET', H)
  local token, granted_block = renewed(holder, owner, tonumber(ttl))
  if token then return 'g ' .. token .. ' ' .. granted_block end
  if not is_last_token(expected) then return busy(holder, owner) end
  local victims = all_holders(holder)
  token = grant(owner, 0, ttl, block)
  call('DEL', S)
  tell_all(victims, 'x')
  return token
end

function operations.ask()
  return tell_all(all_holders(call('GET', H)), 'r')
end

function operations.complete(remember, owner, retain)
  local holder = call('GET', H)
  if is_of(holder, owner) then
    call('SET', D, owner .. ' ' .. text(ms), 'PX', remember)
    if retain then operations.release(retain, owner) end
    return 1
  end
  if not holder then promote() end
  if not is_of(call('GET', D), owner) then return 0 end
  -- A write: WAIT of a connection that has written nothing waits for nothing, and the mark may be on no replica yet.
  call('PEXPIRE', D, remember)
  return 1
end

function operations.marked()
  local mark = call('GET', D)
  return mark and (match(mark, ' (%d+)$') or '0') or ''
end

function operations.unmark(owner)
  if owner and not is_of(call('GET', D), owner) then return 0 end
  return call('DEL', D)
end

function operations.inspect()
  if call('EXISTS', H) == 0 then promote() end
  local holder = call('GET', H)
  drop_ended_shares()
  local shares = call('ZRANGE', S, 0, -1, 'WITHSCORES')
  local state = { call('GET', F) or '', line(holder or ''), holder and call('PTTL', H) or 0, #shares / 2 }
  for i = 1, #shares, 2 do
    state[#state + 1] = line(shares[i])
    state[#state + 1] = text(math.max(0, tonumber(shares[i + 1]) - ms - 1))
  end
  local waiters = call('ZRANGE', Q, 0, -1, 'WITHSCORES')
  for i = 1, #waiters, 2 do
    local waiter = call('HGET', W, waiters[i])
    local alive, permits = match(waiter or '', '^(%d+) %d+ (%d+) ')
    if alive and tonumber(alive) > ms then
      state[#state + 1] = line(waiters[i])
      state[#state + 1] = permits
      state[#state + 1] = text(math.max(0, ms - tonumber(waiters[i + 1]) / 1000))
    end
  end
  return table.concat(state, '\t')
end

function operations.probe(instance)
  return tell(instance .. '#0', '?') or 0
end

return function(lock, operation)
  H, S, Q, W, F, D = lock, lock .. ':shared', lock .. ':queue', lock .. ':waiter', lock .. ':fence', lock .. ':done'
  local words = {}
  for word in string.gmatch(operation, '%S+') do words[#words + 1] = string.byte(word) == 35 and ARGV[2] .. word or word end
  return operations[words[1]](unpack(words, 2))
end
