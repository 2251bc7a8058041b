-- All that a lock needs which nobody else holds or waits for, and the hand-over to a waiter that is there, in few calls
-- and few new texts. Each function, and each local that a function refers to, is made anew in every call of the script:
-- so there are few here, and the files in `3-contended` are the body of another that is made only when the first
-- operation needs it.

-- How long the fence lives after it has numbered a lease of up to 1,000 s, in s: a day after the end of the lease, which
-- is renewed for an hour before the client says `prolong`.
local FENCE_S = '92000'

local us
-- Whose holds this call has ended, as they stand in its trace.
local released = {}

-- The time in us, as a text; read once in a call.
local function read_time()
  local time = redis.call('TIME')
  us = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
  return us
end

-- The first of `block` tokens, as a text, and how many there are. Counts from the time and not by INCR: after a loss of
-- data INCR starts below tokens that were given out. While the fence is ahead of the time nothing is set aside, so that
-- it never is so by more than a block.
local function next_token(fence, block, life)
  local time = us or read_time()
  local last = block == '1' and time or string.format('%.0f', time + block - 1)
  local old = redis.call('SET', fence, last, 'EX', life, 'GET')
  if not old or #old == #time and old < time then return time, block end
  old = tonumber(old) or 0
  if old < tonumber(time) then return time, block end
  local token = string.format('%.0f', old + 1)
  redis.call('SET', fence, token, 'EX', life)
  return token, '1'
end

-- Whether the value of H says that the owner holds.
local function is_of(holder, owner)
  return holder and string.find(holder, owner, 1, true) == 1 and string.byte(holder, #owner + 1) == 32
end

-- The reply to an operation; nil: look closer. The third letter tells them apart: "q" acquires, "l" releases, "n" renews.
-- Permits and the time to retain begin at the ninth: "0" is exclusive, or nothing. An owner that begins with "#" is
-- short. A ttl of more than six digits is too long for FENCE_S.
local function at_hand(H, operation)
  local call, byte = redis.call, string.byte
  local kind = byte(operation, 3)
  if kind == 113 then
    -- An exclusive lock of which nothing exists.
    if byte(operation, 9) ~= 48 or call('EXISTS', H, H .. ':shared', H .. ':queue') > 0 then return nil end
    local owner, ttl, block = string.match(operation, '^acquire 0 (%S+) (%d+) (%d+)')
    if #ttl > 6 then return nil end
    if byte(owner) == 35 then owner = ARGV[2] .. owner end
    local token, set_aside = next_token(H .. ':fence', block, FENCE_S)
    -- GET spares Redis the reply, an object of its own.
    call('SET', H, owner .. ' ' .. token, 'PX', ttl, 'GET')
    return set_aside == block and token or 'n ' .. token .. ' ' .. set_aside
  end
  -- The exclusive holder has a new lease, or releases what nobody waits for.
  local ttl, short
  if kind == 108 and byte(operation, 9) == 48 then
    short = string.sub(operation, 11)
  elseif kind == 110 then
    ttl, short = string.match(operation, '^renew (%d+) (%S+)$')
    if #ttl > 6 then return nil end
  else
    return nil
  end
  local owner = byte(short) == 35 and ARGV[2] .. short or short
  local holder = call('GET', H)
  if not is_of(holder, owner) then return nil end
  if ttl then
    call('PEXPIRE', H, ttl)
    return '1'
  end
  if call('EXISTS', H .. ':queue') == 0 then
    call('DEL', H)
  else
    -- Handed over to the first in line, if it wants the lock alone, lives and is sure to hear.
    local Q, W = H .. ':queue', H .. ':waiter'
    local head = call('ZRANGE', Q, 0, 0)[1]
    local alive, attempt, block
    alive, attempt, ttl, block = string.match(call('HGET', W, head) or '', '^(%d+) (%d+) 0 (%d+) (%d+) %d+ 1$')
    if not alive or #ttl > 6 or alive * 1000 <= tonumber(us or read_time()) then return nil end
    local instance, seq = string.match(head, '^(.*)#(%d+)$')
    local token, set_aside = next_token(H .. ':fence', block, FENCE_S)
    call('SET', H, head .. ' ' .. token, 'PX', ttl, 'GET')
    call('ZREM', Q, head)
    call('HDEL', W, head)
    local channel, message = ARGV[1] .. instance, attempt .. ' ' .. token .. ' ' .. set_aside .. ' 0'
    if redis.pcall('PUBLISH', channel, seq .. ' ' .. message) == 0 then
      -- It is gone: released again, to the next one. Who listens to a replica has heard of it, and is told the end.
      redis.pcall('PUBLISH', channel, seq .. ' x ' .. token)
      call('SET', H, holder, 'PX', '1000')
      return nil
    end
  end
  released[#released + 1] = short
  return '1'
end
