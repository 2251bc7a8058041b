-- A vector of lock operations, in one call. Each is atomic and isolated: one that fails hurts no neighbour.
--
-- KEYS, one for each operation: H. The other keys of a lock are H and a suffix, and so in the slot of H. On a Cluster
-- they stand behind, so that the server sees whether all are there while a slot moves:
--   H            string      the exclusive holder: "<owner> <token>"; after a release that keeps it: "~<owner> <token>"
--   S  :shared   sorted set  the shared holders: owner (or "~<owner>") -> end of the lease, ms
--   Q  :queue    sorted set  the waiters: owner -> ticket, us
--   W  :waiter   hash        waiter -> "<alive until, ms> <attempt> <permits> <ttl> <block> <push>"
--   F  :fence    string      the last token given out or set aside
-- An owner is "<instance>#<seq>". Time is the server's.
--
-- ARGV[1]: what stands before an instance in the name of its channel. Then each operation, as one text:
--   acquire owner permits ttl block alive ticket attempt push
--           -> token | "g <token> <block>" | "b <retry after, ms> <ticket> <rank> <holder>"
--   renew owner ttl          -> 1, or 0: not the owner's
--   release owner retain     -> 1, or 0: was not the owner's
--   withdraw owner           -> 1
--   force expected           -> 1, or 0: the last token is not the expected one (empty: none), or nobody holds
--   inspect                  -> last token, holder, its ms, shared holders, {owner, ms} each, {owner, permits, ms} each
--                               waiter; a tab between them
--   probe instance           -> how many hear the channel of the instance on this server
-- or "e <message>" for any of them. One text, a reply each line: texts cost both sides less than arrays do.
--
-- Messages on the channel of an instance: "<seq> <attempt> <token> <block> <provisional>" grants,
-- "<seq> x" says that the hold was ended by force, "<seq> ?" says to ask again.
--
-- Rules: whoever finds H absent and Q present promotes; the deciding write comes before the PUBLISH; checks come
-- before writes, since nothing is rolled back; every key has a ttl.
--
-- This file is all that runs for a lock that nobody else holds or waits for: few calls, few new texts. The files in
-- `2-contended` are the body of the function `contended`, and are made only when the first operation needs them.

local FENCE_S = 86400

local call, match = redis.call, string.match
local time = call('TIME')
local us_text = time[1] .. string.format('%06d', time[2])
local us = tonumber(us_text)
local fence_end = tostring(time[1] + FENCE_S)
-- The lock of the operation at hand.
local H

local function text(number)
  return string.format('%.0f', number)
end

-- The first of `block` tokens, as a text. Counts from the time and not by INCR: after a loss of data INCR starts below
-- tokens that were given out.
local function next_token(block)
  local fence = H .. ':fence'
  local last = block == '1' and us_text or text(us + block - 1)
  local old = tonumber(call('SET', fence, last, 'EXAT', fence_end, 'GET') or 0) or 0
  if old < us then return us_text end
  call('SET', fence, text(old + block), 'EXAT', fence_end)
  return text(old + 1)
end

local function is_of(holder, owner)
  return holder and string.find(holder, owner, 1, true) == 1 and string.byte(holder, #owner + 1) == 32
end

-- An exclusive grant where nothing exists; nil: look closer.
local function acquire_free(operation)
  local owner, ttl, block = match(operation, '^acquire (%S+) 0 (%d+) (%d+)')
  if not owner or call('EXISTS', H, H .. ':shared', H .. ':queue') > 0 then return nil end
  local token = next_token(block)
  -- GET spares Redis the reply, an object of its own.
  call('SET', H, owner .. ' ' .. token, 'PX', ttl, 'GET')
  return token
end

-- The end of an exclusive hold that nobody waits for; nil: look closer.
local function release_unwanted(operation)
  local owner = match(operation, '^release (%S+) 0$')
  if not owner or not is_of(call('GET', H), owner) or call('EXISTS', H .. ':queue') > 0 then return nil end
  call('DEL', H)
  return '1'
end

-- A new lease for the exclusive holder; nil: look closer.
local function renew_exclusive(operation)
  local owner, ttl = match(operation, '^renew (%S+) (%d+)$')
  if not is_of(call('GET', H), owner) then return nil end
  call('PEXPIRE', H, ttl)
  return '1'
end
