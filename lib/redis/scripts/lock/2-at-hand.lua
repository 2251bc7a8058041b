-- All that a lock needs which nobody else holds or waits for, in few calls and few new texts. Each function, and each
-- local that a function refers to, is made anew in every call of the script: so there are few here, and the files in
-- `3-contended` are the body of another that is made only when the first operation needs it.

local us

-- The time in us, as a text; read once in a call.
local function read_time()
  local time = redis.call('TIME')
  us = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
  return us
end

-- The first of `block` tokens, as a text. Counts from the time and not by INCR: after a loss of data INCR starts below
-- tokens that were given out.
local function next_token(fence, block)
  local time = us or read_time()
  local last = block == '1' and time or string.format('%.0f', time + block - 1)
  local old = redis.call('SET', fence, last, 'EX', '86400', 'GET')
  if not old or #old == #time and old < time then return time end
  old = tonumber(old) or 0
  if old < tonumber(time) then return time end
  redis.call('SET', fence, string.format('%.0f', old + block), 'EX', '86400')
  return string.format('%.0f', old + 1)
end

-- Whether the value of H says that the owner holds.
local function is_of(holder, owner)
  return holder and string.find(holder, owner, 1, true) == 1 and string.byte(holder, #owner + 1) == 32
end

-- The reply to an operation; nil: look closer. The third letter tells them apart: "q" acquires, "l" releases, "n" renews.
-- Permits and the time to retain begin at the ninth: "0" is exclusive, or nothing. An owner that begins with "#" is short.
local function at_hand(H, operation)
  local call, byte = redis.call, string.byte
  local kind = byte(operation, 3)
  if kind == 113 then
    -- An exclusive lock of which nothing exists.
    if byte(operation, 9) ~= 48 or call('EXISTS', H, H .. ':shared', H .. ':queue') > 0 then return nil end
    local owner, ttl, block = string.match(operation, '^acquire 0 (%S+) (%d+) (%d+)')
    if byte(owner) == 35 then owner = ARGV[2] .. owner end
    local token = next_token(H .. ':fence', block)
    -- GET spares Redis the reply, an object of its own.
    call('SET', H, owner .. ' ' .. token, 'PX', ttl, 'GET')
    return token
  end
  -- The exclusive holder has a new lease, or releases what nobody waits for.
  local ttl, owner
  if kind == 108 and byte(operation, 9) == 48 then
    owner = string.sub(operation, 11)
  elseif kind == 110 then
    ttl, owner = string.match(operation, '^renew (%d+) (%S+)$')
  else
    return nil
  end
  if byte(owner) == 35 then owner = ARGV[2] .. owner end
  if not is_of(call('GET', H), owner) then return nil end
  if ttl then
    call('PEXPIRE', H, ttl)
  elseif call('EXISTS', H .. ':queue') > 0 then
    return nil
  else
    call('DEL', H)
  end
  return '1'
end
