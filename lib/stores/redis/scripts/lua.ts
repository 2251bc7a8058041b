// Generated from the .lua files in the folders beside it: edit those, then run `npm run embed:lua`.

export const INTRODUCTION_SCRIPT = `-- How a server of a quorum introduces itself. A script, since a proxy that does not know INFO may hang up on it, and
-- since it goes to the server that the votes go to.
--
-- KEYS[1]: what the call goes after, and nothing else.
-- -> the section "server" of INFO

return redis.call('INFO', 'server')
`;

export const LOCK_SCRIPT = `-- A vector of lock operations, in one call. Each is atomic and isolated: one that fails hurts no neighbour.
--
-- KEYS, one for each operation: H. The other keys of a lock are H and a suffix, and so in the slot of H. On a Cluster
-- they stand behind, so that the server sees whether all are there while a slot moves:
--   H            string      the exclusive holder: "<owner> <token>"; after a release that keeps it: "~<owner> <token>"
--   S  :shared   sorted set  the shared holders: owner (or "~<owner>") -> end of the lease, ms; half a ms more says
--                            that its permits stand in B
--   B  :bounds   sorted set  owner -> permits, of the shared holders that gave a number. Whoever is not in S any more does
--                            not count, and is cleared away now and then
--   Q  :queue    sorted set  the waiters: owner -> ticket, us
--   W  :waiter   hash        waiter -> "<alive until, ms> <attempt> <permits> <ttl> <block> <callers> <push>"
--   F  :fence    string      the last token given out or set aside
--   D  :done     string      the mark that its work is done: "<owner> <at, ms>"
-- The last of KEYS, in a call that has a number:
--   T            hash        the traces of the client's calls: the last three digits of the number of a call ->
--                            "<number> <owner> <owner> ...", whose holds that call has ended. For a release that
--                            arrives again, its answer being lost
-- An owner is "<instance>#<seq>". Time is the server's.
--
-- ARGV[1]: what stands before an instance in the name of its channel. ARGV[2]: the instance whose owners come as
-- "#<seq>" alone. ARGV[3]: the number of the call, of three digits at least, with a "+" before it where T is to live on; empty in a call that
-- releases nothing. Then each operation, as one text:
--   acquire permits owner ttl block alive ticket attempt push callers [max waiting]
--           -> token: granted now, as it was asked for
--            | "n <token> <block>": granted now, out of the queue or with fewer tokens than were asked for
--            | "g <token> <block>": held already; its lease starts anew
--            | "b <retry after, ms; empty: no end> <ticket> <rank> <holder>"
--            | "r ...", the rest as with "b": brought a ticket, and did not stand in the queue any more
--   renew ttl owner          -> 1, or 0: not the owner's
--   prolong ttl owner        -> as renew. The fence lives on, too
--   raise ttl owner token block
--                            -> 1, or 0: not the owner's. A renewal, after which these are the tokens of the hold, and no
--                               last token is lower
--   release retain owner     -> 1, or 0: was not the owner's, or "u": it cannot be told any more
--   again retain owner number ...
--                            -> as release, which was sent in the calls of these numbers before
--   withdraw owner           -> 1
--   force expected           -> 1, or 0: the last token is not the expected one (empty: none), or nobody holds
--   inspect                  -> last token, holder, its ms, shared holders, {owner, ms} each, {owner, permits, ms, callers}
--                               each waiter; a tab between them
--   complete remember owner [retain [number ...]]
--                            -> 1, or 0: not the owner's. Sets the mark; with \`retain\`, releases, and then all as above
--   marked                   -> when it was marked, ms, or nothing
--   unmark owner | at        -> 1, or 0: there was no mark, or it is not the owner's, or not of that time
--   ask                      -> 1, or 0: nobody holds, or "f": another program does, which cannot be told
--   steal owner ttl block [expected]
--                            -> as acquire
--   probe instance nonce     -> how many hear the channel of the instance on this server; says the nonce on it
-- or "e <message>" for any of them. One text, a reply each line: texts cost both sides less than arrays do.
--
-- Messages on the channel of an instance: "<seq> <attempt> <token> <block> <provisional>" grants,
-- "<seq> x <token>" says that the hold with that token was ended by force, or was taken back since nobody has heard of it,
-- "<seq> r <token>" that somebody asks for it, "<seq> ?" to ask again, "0 p <nonce>" is a probe. The token that a message
-- names is that of the hold at that time: one that comes late does not mean a hold with a higher token. It is missing
-- where it is not known.
--
-- Rules: whoever finds H absent and Q present promotes; the deciding write comes before the PUBLISH; checks come
-- before writes, since nothing is rolled back; every key has a ttl.

-- All that a lock needs which nobody else holds or waits for, and the hand-over to a waiter that is there, in few calls
-- and few new texts. Each function, and each local that a function refers to, is made anew in every call of the script:
-- so there are few here, and the files in \`3-contended\` are the body of another that is made only when the first
-- operation needs it.

-- How long the fence lives after it has numbered a lease of up to 1,000 s, in s: a day after the end of the lease, which
-- is renewed for an hour before the client says \`prolong\`.
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

-- The first of \`block\` tokens, as a text, and how many there are. Counts from the time and not by INCR: after a loss of
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

local function contended(...)
-- Holds: exclusive and shared ones, and what is said about them.

local HEADS = 16
-- The permits of a sharer that does not count the others.
local UNBOUNDED = 9007199254740991

local call, match = redis.call, string.match
-- The time in us.
local now = tonumber(us or read_time())
local ms = math.floor(now / 1000)
-- The keys of the lock of the operation at hand.
local H, S, B, Q, W, F, D
-- Its sharers: how many there are, and the lowest of their bounds as soon as somebody has asked for it.
local inside, lowest

local function text(number)
  return string.format('%.0f', number)
end

-- What another program wrote under our keys may be anything; a reply is one line, and an empty one says that nobody holds.
local function line(foreign)
  return foreign == '' and '(empty)' or (string.gsub(foreign, '%c', ' '))
end

-- Owner and token in the value of H, the owner with its tilde; nothing where another program has written it.
local function read_holder(holder)
  return match(holder, '^(%S+#%d+) (%d+)$')
end

-- Gives a key a ttl that is no shorter than this.
local function extend(key, ttl)
  if call('PTTL', key) < ttl then call('PEXPIRE', key, ttl) end
end

-- Gives a key that was just written a ttl; where that is refused, takes back what was written.
local function keep(key, ttl, undo, member)
  local ok, problem = pcall(extend, key, ttl)
  if not ok then
    call(undo, key, member)
    error(problem)
  end
end

-- How long the fence lives after it has numbered a lease, in s. A longer lease than FENCE_S is made for may be renewed
-- once before the fence is prolonged.
local function fence_life(ttl)
  return ttl < 1000000 and FENCE_S or text(90000 + 2 * math.ceil(ttl / 1000))
end

-- The fence outlives a lease of \`ttl\` from now on.
local function prolong_fence(ttl)
  call('PEXPIRE', F, fence_life(ttl) .. '000', 'GT')
end

local function tell(owner, message)
  local instance, seq = match(owner, '^(.*)#(%d+)$')
  if not instance then return 0 end
  local heard = redis.pcall('PUBLISH', ARGV[1] .. instance, seq .. ' ' .. message)
  return type(heard) == 'number' and heard or nil
end

-- Holders whose shares overlap have one token, so that a guarded resource refuses none of them.
local function epoch_token(ttl)
  local token = tonumber(call('GET', F) or '')
  if not token then return (next_token(F, '1', fence_life(ttl))) end
  prolong_fence(ttl)
  return text(token)
end

-- \`bounded\`: its permits stand in B.
local function share(owner, ttl, bounded)
  -- Rounded up: it must not end before the holder thinks.
  call('ZADD', S, ms + 1 + ttl + (bounded and 0.5 or 0), owner)
  keep(S, ttl + 1, 'ZREM', owner)
  if bounded then extend(B, ttl + 1) end
end

-- The share, by its score: when it ends, in ms, and whether its permits stand in B.
local function read_share(score)
  local until_ms = tonumber(score)
  local whole = math.floor(until_ms)
  return whole, whole < until_ms
end

local function is_inside(owner)
  return call('ZSCORE', S, owner) or call('ZSCORE', S, '~' .. owner)
end

-- The owner counts how many are inside. Those whose shares ended by themselves leave their bound behind: cleared away before
-- they are more than twice as many as those inside.
local function bind(owner, permits, ttl)
  call('ZADD', B, text(permits), owner)
  keep(B, ttl + 1, 'ZREM', owner)
  lowest = nil
  if call('ZCARD', B) <= 2 * inside + HEADS then return end
  for _, other in ipairs(call('ZRANGE', B, 0, -1)) do
    if not is_inside(other) then call('ZREM', B, other) end
  end
end

-- Returns the first token, and how many are set aside, as texts.
local function grant(owner, permits, ttl, block)
  if permits > 0 then
    local token = inside > 0 and epoch_token(ttl) or next_token(F, '1', fence_life(ttl))
    local bounded = permits < UNBOUNDED
    if bounded then bind(owner, permits, ttl) end
    share(owner, ttl, bounded)
    inside = inside + 1
    return token, '1'
  end
  local token, set_aside = next_token(F, block, fence_life(ttl))
  call('SET', H, owner .. ' ' .. token, 'PX', ttl)
  return token, set_aside
end

local function drop_ended_shares()
  call('ZREMRANGEBYSCORE', S, '-inf', ms)
end

local function look_inside()
  drop_ended_shares()
  inside, lowest = call('ZCARD', S), nil
end

-- How many may be inside at the most, as those say who are.
local function lowest_bound()
  while true do
    local first = call('ZRANGE', B, 0, 0, 'WITHSCORES')
    if not first[1] then return UNBOUNDED end
    if is_inside(first[1]) then return tonumber(first[2]) end
    call('ZREM', B, first[1])
  end
end

-- Whether one more fits its own bound, and that of everybody inside. H is absent.
local function admissible(permits)
  if permits == 0 or inside == 0 then return inside == 0 end
  if inside >= permits then return false end
  lowest = lowest or lowest_bound()
  return inside < lowest
end

-- The queue: promotion, places, and what a caller is told who has to wait.

-- The longest lease, in ms, that is given to a waiter without the certainty that it hears of it.
local PROVISIONAL_MS = 5000
-- In a queue of up to so many, all who have died are found.
local CROWD = 512

-- Grants to the heads of the queue as long as they are admissible. H is absent. Returns what \`self\` was granted.
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

-- \`place\`: the ticket with which it stands in the queue already. \`rest\`: what it asks for.
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

-- The operations, whatever stands in their way.

local operations = {}

-- The reply to a grant.
local function granted_now(block, token, set_aside)
  return set_aside == block and token or 'n ' .. token .. ' ' .. set_aside
end

function operations.acquire(permits, owner, ttl, block, alive, ticket, attempt, push, callers, max_waiting)
  permits, ttl, alive, ticket = tonumber(permits), tonumber(ttl), tonumber(alive), tonumber(ticket)
  max_waiting = tonumber(max_waiting or '')
  if permits > 0 then block = '1' end
  if call('EXISTS', H, S, Q) == 0 then
    inside = 0
    return granted_now(block, grant(owner, permits, ttl, block))
  end

  local holder = call('GET', H)
  local token, set_aside = renewed(holder, owner, ttl)
  if token then
    if not holder then promote() end
    return 'g ' .. token .. ' ' .. set_aside
  end

  if not holder then
    look_inside()
    if call('EXISTS', Q, B) == 0 then
      lowest = UNBOUNDED
      if admissible(permits) then return granted_now(block, grant(owner, permits, ttl, block)) end
    end
  end
  local place = alive > 0 and call('ZSCORE', Q, owner)
  local may_enter = place or ticket > 0
  local rest = alive > 0 and table.concat({ attempt, text(permits), text(ttl), block, callers, push }, ' ')
  if alive > 0 and may_enter then enqueue(owner, place, ticket, alive, rest) end
  if not holder then
    -- First the living, then the bounds: what is free is nobody's because of those who have died.
    token, set_aside = promote(owner)
    if token then return 'n ' .. token .. ' ' .. set_aside end
    holder = call('GET', H)
    if not holder and call('EXISTS', Q) == 0 then
      look_inside()
      if admissible(permits) then return granted_now(block, grant(owner, permits, ttl, block)) end
    end
  end
  if alive > 0 and not may_enter and (not max_waiting or has_room(max_waiting)) then
    enqueue(owner, place, ticket, alive, rest)
  end
  return busy(holder, owner, ticket > 0 and not place and 'r' or 'b')
end

function operations.renew(ttl, owner)
  local holder = call('GET', H)
  local ours = renewed(holder, owner, tonumber(ttl))
  if not holder then promote() end
  return ours and 1 or 0
end

operations.prolong = operations.renew

function operations.raise(ttl, owner, token, block)
  local ours = operations.renew(ttl, owner)
  if ours == 0 then return 0 end
  local last = tonumber(token) + tonumber(block) - 1
  if (tonumber(call('GET', F) or '') or 0) < last then
    local life = math.max(call('PTTL', F), tonumber(fence_life(tonumber(ttl))) * 1000)
    call('SET', F, text(last), 'PX', text(life))
  end
  if call('EXISTS', H) == 1 then call('SET', H, owner .. ' ' .. token, 'PX', ttl) end
  return 1
end

-- Tells the first in line to ask again, since what it waits for ends at another time now.
local function nudge()
  local head = call('ZRANGE', Q, 0, 0)
  if head[1] then tell(head[1], '?') end
end

-- The owner, as the traces have it.
local function in_trace(owner)
  local length = #ARGV[2]
  local is_short = string.byte(owner, length + 1) == 35 and string.find(owner, ARGV[2], 1, true) == 1
  return is_short and string.sub(owner, length + 1) or owner
end

-- Whether this call, when it was here before, or one of these has ended the owner's hold: 1, 0, or "u" where a later call
-- has taken the place of the trace.
local function traced(owner, ...)
  local reply = 0
  if ARGV[3] == '' then return reply end
  for _, number in ipairs({ match(ARGV[3], '%d+'), ... }) do
    local trace = call('HGET', KEYS[#KEYS], string.sub(number, -3)) or ''
    local in_place, owners = match(trace, '^%+?(%d+)(.*)$')
    if in_place == number then
      if string.find(owners .. ' ', ' ' .. in_trace(owner) .. ' ', 1, true) then return 1 end
    elseif in_place and tonumber(in_place) > tonumber(number) then
      reply = 'u'
    end
  end
  return reply
end

-- Ends the owner's share, and keeps it from the others for a while. Whether it was the owner's until now.
local function end_share(retain, owner)
  local score = call('ZSCORE', S, owner)
  if not score then
    local kept = call('ZSCORE', S, '~' .. owner)
    return kept and read_share(kept) > ms
  end
  local until_ms, bounded = read_share(score)
  local is_ours = until_ms > ms
  call('ZREM', S, owner)
  if is_ours and retain > 0 then
    share('~' .. owner, retain, bounded)
    prolong_fence(retain)
    nudge()
  elseif bounded then
    call('ZREM', B, owner)
  end
  return is_ours
end

-- The same of any hold.
local function end_hold(retain, owner)
  local holder = call('GET', H)
  local was_ours
  if is_of(holder, owner) then
    if retain > 0 then
      call('SET', H, '~' .. holder, 'PX', retain)
      prolong_fence(retain)
      nudge()
      return true
    end
    call('DEL', H)
    was_ours = true
  elseif is_of(holder, '~' .. owner) then
    return true
  elseif holder then
    call('ZREM', S, owner)
    return false
  else
    was_ours = end_share(retain, owner)
  end
  -- The lock is given back, whatever becomes of the next in line, who asks again by itself.
  pcall(promote)
  return was_ours
end

function operations.release(retain, owner, ...)
  if not end_hold(tonumber(retain), owner) then return traced(owner, ...) end
  released[#released + 1] = in_trace(owner)
  return 1
end

operations.again = operations.release

function operations.withdraw(owner)
  call('ZREM', Q, owner)
  call('HDEL', W, owner)
  end_hold(0, owner)
  return 1
end

local function rare(...)
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
  H, S, B, Q, W = lock, lock .. ':shared', lock .. ':bounds', lock .. ':queue', lock .. ':waiter'
  F, D = lock .. ':fence', lock .. ':done'
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
for i = 1, #ARGV - 3 do
  local H, operation = KEYS[i], ARGV[i + 3]
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
if released[1] and ARGV[3] ~= '' then
  -- For a release that arrives again. Where it cannot be written, that one is answered as if it had not been here.
  local number, T, try = ARGV[3], KEYS[#KEYS], redis.pcall
  local added = try('HSET', T, string.sub(number, -3), number .. ' ' .. table.concat(released, ' '))
  if added == 1 or string.byte(number) == 43 then
    if type(try('PEXPIRE', T, '120000')) ~= 'number' then try('DEL', T) end
  end
end
return table.concat(replies, '\\n')
`;

export const TOPOLOGY_SCRIPT = `-- Whether all keys are on one server: a mark is set under one key, and looked for by calls that go where other keys go.
--
-- KEYS[1]: what the call goes after, and nothing else. KEYS[2]: the mark.
-- ARGV[1]: the ms that the mark stays: it is set; '0': it is removed; nothing: it is looked for.
-- -> 1, or 0: there is none

local ms = ARGV[1]
if not ms then return redis.call('EXISTS', KEYS[2]) end
if ms == '0' then return redis.call('DEL', KEYS[2]) end
redis.call('SET', KEYS[2], '1', 'PX', ms)
return 1
`;
