// Generated from the .lua files in the folders beside it: edit those, then run `npm run embed:lua`.

export const LOCK_SCRIPT = `-- A vector of lock operations, in one call. Each is atomic and isolated: one that fails hurts no neighbour.
--
-- KEYS, one for each operation: H. The other keys of a lock are H and a suffix, and so in the slot of H. On a Cluster
-- they stand behind, so that the server sees whether all are there while a slot moves:
--   H            string      the exclusive holder: "<owner> <token>"; after a release that keeps it: "~<owner> <token>"
--   S  :shared   sorted set  the shared holders: owner (or "~<owner>") -> end of the lease, ms
--   Q  :queue    sorted set  the waiters: owner -> ticket, us
--   W  :waiter   hash        waiter -> "<alive until, ms> <attempt> <permits> <ttl> <block> <callers> <push>"
--   F  :fence    string      the last token given out or set aside
--   D  :done     string      the mark that its work is done: "<owner> <at, ms>"
-- An owner is "<instance>#<seq>". Time is the server's.
--
-- ARGV[1]: what stands before an instance in the name of its channel. ARGV[2]: the instance whose owners come as
-- "#<seq>" alone. Then each operation, as one text:
--   acquire permits owner ttl block alive ticket attempt push callers [max waiting]
--           -> token: granted now, as it was asked for
--            | "n <token> <block>": granted now, out of the queue
--            | "g <token> <block>": held already; its lease starts anew
--            | "b <retry after, ms; empty: no end> <ticket> <rank> <holder>"
--            | "r …", the rest as with "b": brought a ticket, and did not stand in the queue any more
--   renew ttl owner          -> 1, or 0: not the owner's
--   raise ttl owner token block
--                            -> 1, or 0: not the owner's. A renewal, after which these are the tokens of the hold, and no
--                               last token is lower
--   release retain owner     -> 1, or 0: was not the owner's
--   withdraw owner           -> 1
--   force expected           -> 1, or 0: the last token is not the expected one (empty: none), or nobody holds
--   inspect                  -> last token, holder, its ms, shared holders, {owner, ms} each, {owner, permits, ms, callers}
--                               each waiter; a tab between them
--   complete remember owner [retain]
--                            -> 1, or 0: not the owner's. Sets the mark; with \`retain\`, releases
--   marked                   -> when it was marked, ms, or nothing
--   unmark owner | at        -> 1, or 0: there was no mark, or it is not the owner's, or not of that time
--   ask                      -> 1, or 0: nobody holds
--   steal owner ttl block [expected]
--                            -> as acquire
--   probe instance nonce     -> how many hear the channel of the instance on this server; says the nonce on it
-- or "e <message>" for any of them. One text, a reply each line: texts cost both sides less than arrays do.
--
-- Messages on the channel of an instance: "<seq> <attempt> <token> <block> <provisional>" grants,
-- "<seq> x <token>" says that the hold with that token was ended by force, "<seq> r <token>" that somebody asks for it,
-- "<seq> ?" to ask again, "0 p <nonce>" is a probe. The token that a message names is that of the hold at that time: one that comes late does not
-- mean a hold with a higher token. It is missing where it is not known.
--
-- Rules: whoever finds H absent and Q present promotes; the deciding write comes before the PUBLISH; checks come
-- before writes, since nothing is rolled back; every key has a ttl.

-- All that a lock needs which nobody else holds or waits for, in few calls and few new texts. Each function, and each
-- local that a function refers to, is made anew in every call of the script: so there are few here, and the files in
-- \`3-contended\` are the body of another that is made only when the first operation needs it.

local us

-- The time in us, as a text; read once in a call.
local function read_time()
  local time = redis.call('TIME')
  us = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
  return us
end

-- The first of \`block\` tokens, as a text. Counts from the time and not by INCR: after a loss of data INCR starts below
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

local function contended(...)
-- Holds: exclusive and shared ones, and what is said about them.

local HEADS = 16
local FENCE_MS = 86400000

local call, match = redis.call, string.match
-- The time in us.
local now = tonumber(us or read_time())
local ms = math.floor(now / 1000)
-- The keys of the lock of the operation at hand.
local H, S, Q, W, F, D

local function text(number)
  return string.format('%.0f', number)
end

-- What another program wrote under our keys may be anything; a reply is one line.
local function line(foreign)
  return (string.gsub(foreign, '%c', ' '))
end

-- Gives a key that was just written a ttl; where that is refused, takes back what was written.
local function keep(key, ttl, undo, member)
  local ok, problem = pcall(function()
    if call('PTTL', key) < ttl then call('PEXPIRE', key, ttl) end
  end)
  if not ok then
    call(undo, key, member)
    error(problem)
  end
end

local function tell(owner, message)
  local instance, seq = match(owner, '^(.*)#(%d+)$')
  if not instance then return 0 end
  local heard = redis.pcall('PUBLISH', ARGV[1] .. instance, seq .. ' ' .. message)
  return type(heard) == 'number' and heard or nil
end

-- Holders whose shares overlap have one token, so that a guarded resource refuses none of them.
local function epoch_token()
  local token = call('EXISTS', S) == 1 and tonumber(call('GET', F) or '')
  if not token then return next_token(F, '1') end
  call('PEXPIRE', F, FENCE_MS)
  return text(token)
end

local function share(owner, ttl)
  -- Rounded up: it must not end before the holder thinks.
  call('ZADD', S, ms + 1 + ttl, owner)
  keep(S, ttl + 1, 'ZREM', owner)
end

-- Returns the token, as a text.
local function grant(owner, permits, ttl, block)
  local token
  if permits > 0 then
    token = epoch_token()
    share(owner, ttl)
  else
    token = next_token(F, block)
    call('SET', H, owner .. ' ' .. token, 'PX', ttl)
  end
  return token
end

local function drop_ended_shares()
  call('ZREMRANGEBYSCORE', S, '-inf', ms)
end

-- H is absent and ended shares are dropped.
local function admissible(permits)
  if permits == 0 then return call('EXISTS', S) == 0 end
  return call('ZCARD', S) < permits
end

-- The queue: promotion, places, and what a caller is told who has to wait.

-- The longest lease, in ms, that is given to a waiter without the certainty that it hears of it.
local PROVISIONAL_MS = 5000

-- Grants to the heads of the queue as long as they are admissible. H is absent. Returns what \`self\` was granted.
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

-- The operations, whatever stands in their way.

local operations = {}

function operations.acquire(permits, owner, ttl, block, alive, ticket, attempt, push, callers, max_waiting)
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
  local kind = ticket > 0 and not call('ZSCORE', Q, owner) and 'r' or 'b'
  if alive > 0 and (not max_waiting or ticket > 0 or has_room(owner, max_waiting)) then
    local rest = table.concat({ attempt, text(permits), text(ttl), block, callers, push }, ' ')
    enqueue(owner, ticket, alive, rest)
  end
  if not holder then
    token, granted_block = promote(owner)
    if token then return 'n ' .. token .. ' ' .. granted_block end
    holder = call('GET', H)
    if alive == 0 and not holder and call('EXISTS', Q) == 0 and admissible(permits) then
      return grant(owner, permits, ttl, block)
    end
  end
  return busy(holder, owner, kind)
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

local function rare(...)
-- What is asked for now and then. Made only when it is, since each function that is made costs every call.

local seldom = {}

-- Whoever holds, also those who have released and are only kept.
local function all_holders(holder)
  drop_ended_shares()
  local all = call('ZRANGE', S, 0, -1)
  if holder then all[#all + 1] = match(holder, '^(.*) %d+$') end
  return all
end

-- With the token that is held: of sharers the last one, which is that of their epoch.
local function message_of(letter, holder)
  local token = tonumber(holder and match(holder, ' (%d+)$') or not holder and call('GET', F) or '')
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
  call('DEL', H, S)
  tell_all(victims, message)
  promote()
  return 1
end

function seldom.steal(owner, ttl, block, expected)
  local holder = call('GET', H)
  local token, granted_block = renewed(holder, owner, tonumber(ttl))
  if token then return 'g ' .. token .. ' ' .. granted_block end
  if not is_last_token(expected) then return busy(holder, owner) end
  local victims = all_holders(holder)
  local message = message_of('x', holder)
  token = grant(owner, 0, ttl, block)
  call('DEL', S)
  tell_all(victims, message)
  return token
end

function seldom.ask()
  local holder = call('GET', H)
  return tell_all(all_holders(holder), message_of('r', holder))
end

function seldom.complete(remember, owner, retain)
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
  local state = { call('GET', F) or '', line(holder or ''), holder and call('PTTL', H) or 0, #shares / 2 }
  for i = 1, #shares, 2 do
    state[#state + 1] = line(shares[i])
    state[#state + 1] = text(math.max(0, tonumber(shares[i + 1]) - ms - 1))
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
  return table.concat(state, '\\t')
end

function seldom.probe(instance, nonce)
  return tell(instance .. '#0', 'p ' .. nonce) or 0
end

return seldom
end

-- One operation, by its name.

local seldom

return function(lock, operation)
  H, S, Q, W, F, D = lock, lock .. ':shared', lock .. ':queue', lock .. ':waiter', lock .. ':fence', lock .. ':done'
  local words = {}
  for word in string.gmatch(operation, '%S+') do words[#words + 1] = string.byte(word) == 35 and ARGV[2] .. word or word end
  local run = operations[words[1]]
  if not run then
    seldom = seldom or rare()
    run = seldom[words[1]]
  end
  return run(unpack(words, 2))
end
end

-- The loop over the operations of one call.

local replies, look_closer = {}, nil
for i = 1, #ARGV - 2 do
  local H, operation = KEYS[i], ARGV[i + 2]
  local ok, reply = pcall(at_hand, H, operation)
  if not ok or not reply then
    look_closer = look_closer or contended()
    ok, reply = pcall(look_closer, H, operation)
  end
  if not ok then
    reply = 'e ' .. string.gsub(type(reply) == 'table' and reply.err or tostring(reply), '%c', ' ')
    -- Nothing can be written at all. As the error of the call it is one that a client may reconnect on.
    if string.sub(reply, 3, 10) == 'READONLY' then return redis.error_reply(string.sub(reply, 3)) end
  end
  replies[i] = reply
end
return table.concat(replies, '\\n')
`;
