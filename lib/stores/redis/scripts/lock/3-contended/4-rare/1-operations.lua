-- What is asked for now and then. Made only when it is, since each function that is made costs every call.

local seldom = {}

-- Whoever holds, also those who have released and are only kept.
local function all_holders(holder)
  drop_ended_shares()
  local all = call('ZRANGE', S, 0, -1)
  if holder then all[#all + 1] = read_holder(holder) end
  return all
end

-- With the token that is held: of sharers the last one, which is that of their epoch.
local function message_of(letter, holder)
  local token = holder and select(2, read_holder(holder)) or not holder and call('GET', F)
  token = tonumber(token or '')
  return token and letter .. ' ' .. text(token) or letter
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

function seldom.force(expected)
  local holder = call('GET', H)
  local victims = all_holders(holder)
  if not is_last_token(expected) or not holder and #victims == 0 then
    if not holder then promote() end
    return 0
  end
  local message = message_of('x', holder)
  call('DEL', H, S, B)
  tell_all(victims, message)
  promote()
  return 1
end

function seldom.steal(owner, ttl, block, expected)
  local holder = call('GET', H)
  local token, set_aside = renewed(holder, owner, tonumber(ttl))
  if token then return 'g ' .. token .. ' ' .. set_aside end
  if not is_last_token(expected) then return busy(holder, owner) end
  local victims = all_holders(holder)
  local message = message_of('x', holder)
  token, set_aside = grant(owner, 0, tonumber(ttl), block)
  call('DEL', S, B)
  tell_all(victims, message)
  return granted_now(block, token, set_aside)
end

function seldom.ask()
  local holder = call('GET', H)
  if holder and not read_holder(holder) then return 'f' end
  return tell_all(all_holders(holder), message_of('r', holder))
end

function seldom.complete(remember, owner, retain, ...)
  local holder = call('GET', H)
  if is_of(holder, owner) then
    call('SET', D, owner .. ' ' .. text(ms), 'PX', remember)
    if retain then operations.release(retain, owner) end
    return 1
  end
  if not holder then promote() end
  if not is_of(call('GET', D), owner) then return traced(owner, ...) end
  -- A write: WAIT of a connection that has written nothing waits for nothing, and the mark may be on no replica yet.
  call('PEXPIRE', D, remember)
  return 1
end

-- When it was marked; of what another program wrote, long ago.
local function marked_at(mark)
  return match(mark, ' (%d+)$') or '0'
end

function seldom.marked()
  local mark = call('GET', D)
  return mark and marked_at(mark) or ''
end

function seldom.unmark(which)
  local mark = call('GET', D)
  if not mark or not is_of(mark, which) and marked_at(mark) ~= which then return 0 end
  return call('DEL', D)
end

function seldom.inspect()
  if call('EXISTS', H) == 0 then promote() end
  local holder = call('GET', H)
  drop_ended_shares()
  local shares = call('ZRANGE', S, 0, -1, 'WITHSCORES')
  local state = { call('GET', F) or '', holder and line(holder) or '', holder and call('PTTL', H) or 0, #shares / 2 }
  for i = 1, #shares, 2 do
    state[#state + 1] = line(shares[i])
    state[#state + 1] = text(math.max(0, read_share(shares[i + 1]) - ms - 1))
  end
  local waiters = call('ZRANGE', Q, 0, -1, 'WITHSCORES')
  for i = 1, #waiters, 2 do
    local waiter = call('HGET', W, waiters[i])
    local alive, permits, callers = match(waiter or '', '^(%d+) %d+ (%d+) %d+ %d+ (%d+) %d$')
    if alive and tonumber(alive) > ms then
      state[#state + 1] = line(waiters[i])
      state[#state + 1] = permits
      state[#state + 1] = text(math.max(0, ms - tonumber(waiters[i + 1]) / 1000))
      state[#state + 1] = callers
    end
  end
  return table.concat(state, '\t')
end

function seldom.probe(instance, nonce)
  return tell(instance .. '#0', 'p ' .. nonce) or 0
end

return seldom
