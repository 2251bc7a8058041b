-- Lock operations of one tick, in one call. Each is atomic and isolated: one that fails hurts no neighbour.
--
-- The keys of a lock are H and H with a suffix, and so in the slot of H:
--   H            string      the exclusive holder: "<owner> <token>", and behind it how many tokens from this one on are
--                            reserved for it, if that is more than one; after a release that keeps the lock: "~" before it
--   S  :shared   sorted set  the shared holders: owner (or "~<owner>") -> end of the lease, ms; half a ms more says
--                            that its permits are in B
--   B  :bounds   sorted set  owner -> permits, of the shared holders that gave a number. An owner that is not in S any
--                            more does not count, and is removed now and then
--   E  :epoch    string      the token that all shared holders have
--   Q  :queue    sorted set  the waiters: owner -> ticket, us
--   W  :waiter   hash        waiter -> "<alive until, ms> <attempt> <permits> <ttl> <reserve> <callers> <push>"
--   D  :done     string      the mark that its work is done: "<owner> <at, ms>"
-- Of all locks, or on a Cluster of those in one slot:
--   F            string      the fence: the last token that was given out or reserved
-- Of one client, for a release that arrives again because its answer was lost:
--   T            hash        the traces of its calls: the last three digits of the number of a call ->
--                            "<number> <owner> <owner> ...", whose holds that call has ended
-- An owner is "<instance>#<seq>"; the instance of the call is left out where an owner travels. Time is the server's.
--
-- There are three ways through the script. The fast path carries out the operations of one kind in few commands, as far
-- as nothing stands in their way; the slow path does the rest; admin is what operators ask for. Each function costs
-- Redis something when it is made, called or not: so the fast path has none, and the others make theirs when they run.
--
-- KEYS: an H for each operation, then F, then T where the call has a number, then on a Cluster the other keys of the
-- lock, so that the server sees whether all are there while a slot moves.
-- ARGV: the kind of the call; its instance; what stands before an instance in the name of its channel; for how many ms
-- F must live, or nothing; its number, of at least three digits, with a "+" before it where T must live on, or nothing
-- in a call that releases nothing; its terms; then the operations:
--   kind     terms                                          each operation
--   acquire  <ttl> <reserve> <alive> <push> [max waiting]   owner; exclusive, for the first time
--   release                                                 owner; nothing is kept
--   renew    <ttl>                                          owner
--   any                                                     the name of a file in `operations`, and its arguments
-- -> a line for each operation; one line, if all have the same. "e <message>" is the error of one operation.
--
-- Messages on the channel of an instance, each for one owner: "<seq> <attempt> <token> <reserved> <provisional>" grants,
-- "<seq> x <token>" the hold with this token was ended by force, or was taken back since its process is gone,
-- "<seq> r <token>" another process asks for its release, "<seq> ?" ask again, "0 p <nonce>" a probe.
-- A message that comes late does not mean a hold with a higher token. The token is missing where it is not known.
--
-- Rules: an operation that finds H absent and Q present promotes. The deciding write comes before the PUBLISH. Checks
-- come before writes, since nothing is rolled back. Every key has a ttl.

-- What is local is found sooner.
local KEYS, ARGV, call, try = KEYS, ARGV, redis.call, redis.pcall
local kind, instance, prefix, life, number, terms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
-- The operations follow in ARGV.
local HEADER = 6
-- How long F lives, in ms, unless the client asks for more: a day and an hour after the end of a lease of 1,000 s.
local FENCE_MS = '92000000'
local count = #ARGV - HEADER
local F = KEYS[count + 1]
-- The time of the call in us, as a string, once it was read.
local us
-- The reply to all that the fast path does, and what it leaves: the places of the operations, and what stands before and
-- behind each of them when it is written in full.
local reply, rest, before, behind
-- The holder of the lock in a call of one release, which need not be read again.
local known_holder
-- The owners whose holds this call has ended.
local released

if kind == 'acquire' then
  --- @include "fast/acquire"
elseif kind == 'release' then
  --- @include "fast/release"
elseif kind == 'renew' then
  --- @include "fast/renew"
else
  rest, before, behind = {}, '', ''
  for i = 1, count do rest[i] = i end
end

if rest then
  --- @include "slow-path"
end

if life ~= '' then try('PEXPIRE', F, life, 'GT') end
if released and number ~= '' then
  --- @include "includes/leave-trace"
end
return reply
