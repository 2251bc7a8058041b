// Generated from the .lua files beside it: edit those, then run `npm run embed:lua`.

export const INTRODUCTION_SCRIPT = `return redis.call('INFO', 'server')
`;

export type LockOperation =
  | 'acquire'
  | 'complete'
  | 'force'
  | 'inspect'
  | 'marked'
  | 'note'
  | 'notes'
  | 'probe'
  | 'raise'
  | 'release'
  | 'renew'
  | 'request-release'
  | 'say'
  | 'steal'
  | 'unmark'
  | 'withdraw';

export const LOCK_SCRIPT = `local KEYS, ARGV, call, try = KEYS, ARGV, redis.call, redis.pcall
local kind, instance, prefix, life, number, terms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local HEADER = 6
local FENCE_MS = '92000000'
local count = #ARGV - HEADER
local F = KEYS[count + 1]
local us
local reply, rest, before, behind
local known_holder
local released
if kind == 'acquire' then
local ttl, reserve, more = string.match(terms, '^(%d+) (%d+) (.*)$')
local time = us
if not time then
time = call('TIME')
time = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
us = time
end
local token, reserved = time, reserve
local last = reserve == '1' and time or string.format('%d', time + reserve - 1)
local old = call('SET', F, last, 'KEEPTTL', 'GET')
if not old then call('SET', F, last, 'PX', FENCE_MS) end
if old and (#old > #time or #old == #time and old >= time) then
local first = (tonumber(old) or 0) + 1
if first + reserve - 1 > time + 1000 then reserved = '1' end
token = string.format('%d', first)
call('SET', F, string.format('%d', first + reserved - 1), 'KEEPTTL')
end
local tail = ' ' .. token .. (reserved == '1' and '' or ' ' .. reserved)
local is_clear
if count == 1 then
is_clear = call('EXISTS', KEYS[1] .. ':shared', KEYS[1] .. ':queue') == 0
else
local others = {}
for i = 1, count do
local H = KEYS[i]
others[2 * i - 1], others[2 * i] = H .. ':shared', H .. ':queue'
end
is_clear = call('EXISTS', unpack(others)) == 0
end
for i = 1, count do
local H = KEYS[i]
local is_free = is_clear or count > 1 and call('EXISTS', H .. ':shared', H .. ':queue') == 0
if not is_free or try('SET', H, instance .. ARGV[HEADER + i] .. tail, 'PX', ttl, 'NX', 'GET') then
rest = rest or {}
rest[#rest + 1] = i
end
end
reply = reserved == reserve and token or 'n ' .. token .. ' ' .. reserved
if rest then
local alive, push, most = string.match(more, '^(%d+) (%d) ?(%d*)$')
before = 'acquire 0 '
behind = table.concat({ '', ttl, reserve, alive, '0 1', push, '1', most }, ' ')
end
elseif kind == 'release' then
local holders, is_clear
if count == 1 then
holders = { call('GET', KEYS[1]) }
is_clear = call('EXISTS', KEYS[1] .. ':queue') == 0
else
local queues = {}
for i = 1, count do queues[i] = KEYS[i] .. ':queue' end
holders, is_clear = call('MGET', unpack(KEYS, 1, count)), call('EXISTS', unpack(queues)) == 0
end
local find, byte = string.find, string.byte
for i = 1, count do
local holder = holders[i]
local owner = instance .. ARGV[HEADER + i]
local is_ours = holder and find(holder, owner, 1, true) == 1 and byte(holder, #owner + 1) == 32
if not is_ours or not is_clear and (count == 1 or call('EXISTS', KEYS[i] .. ':queue') > 0) then
rest = rest or {}
rest[#rest + 1] = i
known_holder = count == 1 and holder
holders[i] = false
end
end
if not rest then
call('DEL', unpack(KEYS, 1, count))
released = table.concat(ARGV, ' ', HEADER + 1)
else
local ended = {}
for i = 1, count do
if holders[i] then
call('DEL', KEYS[i])
ended[#ended + 1] = ARGV[HEADER + i]
end
end
released = ended[1] and table.concat(ended, ' ')
end
reply, before, behind = '1', 'release 0 ', ''
elseif kind == 'renew' then
local find, byte = string.find, string.byte
local holders = call('MGET', unpack(KEYS, 1, count))
for i = 1, count do
local holder = holders[i]
local owner = instance .. ARGV[HEADER + i]
local is_ours = holder and find(holder, owner, 1, true) == 1 and byte(holder, #owner + 1) == 32
if is_ours then
call('PEXPIRE', KEYS[i], terms)
else
rest = rest or {}
rest[#rest + 1] = i
end
end
reply, before, behind = '1', 'renew ' .. terms .. ' ', ''
else
rest, before, behind = {}, '', ''
for i = 1, count do rest[i] = i end
end
if rest then
local function is_of(holder, owner)
return holder and string.find(holder, owner, 1, true) == 1 and string.byte(holder, #owner + 1) == 32
end
local function next_token(reserve)
local time = us
if not time then
time = call('TIME')
time = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
us = time
end
local token, reserved = time, reserve
local last = reserve == '1' and time or string.format('%d', time + reserve - 1)
local old = call('SET', F, last, 'KEEPTTL', 'GET')
if not old then call('SET', F, last, 'PX', FENCE_MS) end
if old and (#old > #time or #old == #time and old >= time) then
local first = (tonumber(old) or 0) + 1
if first + reserve - 1 > time + 1000 then reserved = '1' end
token = string.format('%d', first)
call('SET', F, string.format('%d', first + reserved - 1), 'KEEPTTL')
end
local tail = ' ' .. token .. (reserved == '1' and '' or ' ' .. reserved)
return token, reserved, tail
end
local function hand_over(lock, owner)
local queue, waiters, holder = lock .. ':queue', lock .. ':waiter', known_holder or call('GET', lock)
if not is_of(holder, owner) then return false end
local head = call('ZRANGE', queue, 0, 0)[1]
local alive, attempt, ttl, reserve =
string.match(head and call('HGET', waiters, head) or '', '^(%d+) (%d+) 0 (%d+) (%d+) %d+ 1$')
if not alive then return false end
local to, seq = string.match(head, '^(.*)#(%d+)$')
local token, reserved, tail = next_token(reserve)
if alive * 1000 <= tonumber(us) then return false end
call('ZREM', queue, head)
call('HDEL', waiters, head)
call('SET', lock, head .. tail, 'PX', ttl, 'GET')
local channel = prefix .. to
if try('PUBLISH', channel, seq .. ' ' .. attempt .. ' ' .. token .. ' ' .. reserved .. ' 0') ~= 0 then return true end
try('PUBLISH', channel, seq .. ' x ' .. token)
call('SET', lock, holder, 'PX', '1000')
return false
end
local function slow_operations()
local HEADS = 16
local match = string.match
local time = us
if not time then
time = call('TIME')
time = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
us = time
end
local now = tonumber(time)
local ms = math.floor(now / 1000)
local H, S, B, E, Q, W, D
local inside, lowest
local function text(number)
return string.format('%d', number)
end
local function line(foreign)
return foreign == '' and '(empty)' or (string.gsub(foreign, '%c', ' '))
end
local function read_holder(holder)
return match(holder, '^(%S+#%d+) (%d+) ?(%d*)$')
end
local function extend(key, ttl)
if call('PTTL', key) < ttl then call('PEXPIRE', key, ttl) end
end
local function keep(key, ttl, undo, member)
local ok, problem = pcall(extend, key, ttl)
if not ok then
call(undo, key, member)
error(problem)
end
end
local function tell(owner, message)
local to, seq = match(owner, '^(.*)#(%d+)$')
if not to then return 0 end
local heard = try('PUBLISH', prefix .. to, seq .. ' ' .. message)
return type(heard) == 'number' and heard or nil
end
local UNBOUNDED = 9007199254740991
local function share(owner, ttl, bounded)
call('ZADD', S, ms + 1 + ttl + (bounded and 0.5 or 0), owner)
keep(S, ttl + 1, 'ZREM', owner)
extend(E, ttl + 1)
if bounded then extend(B, ttl + 1) end
end
local function read_share(score)
local until_ms = tonumber(score)
local whole = math.floor(until_ms)
return whole, whole < until_ms
end
local function is_inside(owner)
return call('ZSCORE', S, owner) or call('ZSCORE', S, '~' .. owner)
end
local function bind(owner, permits, ttl)
call('ZADD', B, text(permits), owner)
keep(B, ttl + 1, 'ZREM', owner)
lowest = nil
if call('ZCARD', B) <= 2 * inside + HEADS then return end
for _, other in ipairs(call('ZRANGE', B, 0, -1)) do
if not is_inside(other) then call('ZREM', B, other) end
end
end
local function drop_ended_shares()
call('ZREMRANGEBYSCORE', S, '-inf', ms)
end
local function look_inside()
drop_ended_shares()
inside, lowest = call('ZCARD', S), nil
end
local function lowest_bound()
while true do
local first = call('ZRANGE', B, 0, 0, 'WITHSCORES')
if not first[1] then return UNBOUNDED end
if is_inside(first[1]) then return tonumber(first[2]) end
call('ZREM', B, first[1])
end
end
local function admissible(permits)
if permits == 0 or inside == 0 then return inside == 0 end
if inside >= permits then return false end
lowest = lowest or lowest_bound()
return inside < lowest
end
local function share_epoch(owner, ttl, bounded)
local token = inside > 0 and call('GET', E)
local is_new = not token
if is_new then token = next_token('1') end
share(owner, ttl, bounded)
if is_new then call('SET', E, token, 'PX', ttl + 1) end
return token
end
local function grant(owner, permits, ttl, reserve)
if permits > 0 then
local bounded = permits < UNBOUNDED
if bounded then bind(owner, permits, ttl) end
local token = share_epoch(owner, ttl, bounded)
inside = inside + 1
return token, '1'
end
local token, reserved, tail = next_token(reserve)
call('SET', H, owner .. tail, 'PX', ttl)
return token, reserved
end
local function renewed(holder, owner, ttl)
if is_of(holder, owner) then
call('PEXPIRE', H, ttl)
local _, token, reserved = read_holder(holder)
return token, reserved == '' and '1' or reserved
end
if holder then return nil end
local score = call('ZSCORE', S, owner)
if not score then return nil end
local until_ms, bounded = read_share(score)
if until_ms <= ms then return nil end
inside = 1
return share_epoch(owner, ttl, bounded), '1'
end
local function granted_now(reserve, token, reserved)
return reserved == reserve and token or 'n ' .. token .. ' ' .. reserved
end
local PROVISIONAL_MS = 5000
local function drop_waiter(owner)
call('ZREM', Q, owner)
call('HDEL', W, owner)
end
local function take_back(owner, permits, token)
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
local CROWD = 512
local function has_room(max_waiting)
if call('ZCARD', Q) < max_waiting then return true end
local waiters, sure, channels = call('HRANDFIELD', W, CROWD, 'WITHVALUES'), {}, {}
for i = 1, #waiters, 2 do
local owner, alive, push = waiters[i], match(waiters[i + 1], '^(%d+) .*(%d)$')
if tonumber(alive or 0) <= ms then
drop_waiter(owner)
elseif push == '1' then
sure[#sure + 1], channels[#channels + 1] = owner, prefix .. match(owner, '^(.*)#')
end
end
if call('ZCARD', Q) < max_waiting then return true end
local heard = sure[1] and try('PUBSUB', 'NUMSUB', unpack(channels)) or {}
for i, owner in ipairs(sure) do
if heard[2 * i] == 0 then drop_waiter(owner) end
end
return call('ZCARD', Q) < max_waiting
end
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
local function busy(holder, owner, letter)
local left, who = obstacle(holder)
local rank = call('ZRANK', Q, owner)
local ticket = rank and tonumber(call('ZSCORE', Q, owner)) or 0
return (letter or 'b') .. ' ' .. left .. ' ' .. text(ticket) .. ' ' .. (rank or 0) .. ' ' .. who
end
local function in_trace(owner)
local length = #instance
local is_short = string.byte(owner, length + 1) == 35 and string.find(owner, instance, 1, true) == 1
return is_short and string.sub(owner, length + 1) or owner
end
local function traced(owner, ...)
local answer = 0
if number == '' then return answer end
for _, earlier in ipairs({ match(number, '%d+'), ... }) do
local trace = call('HGET', KEYS[count + 2], string.sub(earlier, -3)) or ''
local in_place, owners = match(trace, '^%+?(%d+)(.*)$')
if in_place == earlier then
if string.find(owners .. ' ', ' ' .. in_trace(owner) .. ' ', 1, true) then return 1 end
elseif in_place and tonumber(in_place) > tonumber(earlier) then
answer = 'u'
end
end
return answer
end
local operations = {}
operations.acquire = function(permits, owner, ttl, reserve, alive, ticket, attempt, push, callers, max_waiting)
permits, ttl, alive, ticket = tonumber(permits), tonumber(ttl), tonumber(alive), tonumber(ticket)
max_waiting = tonumber(max_waiting or '')
if permits > 0 then reserve = '1' end
if call('EXISTS', H, S, Q) == 0 then
inside = 0
return granted_now(reserve, grant(owner, permits, ttl, reserve))
end
local holder = call('GET', H)
local token, reserved = renewed(holder, owner, ttl)
if token then
if not holder then promote() end
return 'g ' .. token .. ' ' .. reserved
end
if not holder then
look_inside()
if call('EXISTS', Q, B) == 0 then
lowest = UNBOUNDED
if admissible(permits) then return granted_now(reserve, grant(owner, permits, ttl, reserve)) end
end
end
local place = alive > 0 and call('ZSCORE', Q, owner)
local may_enter = place or ticket > 0
local rest = alive > 0 and table.concat({ attempt, text(permits), text(ttl), reserve, callers, push }, ' ')
if alive > 0 and may_enter then enqueue(owner, place, ticket, alive, rest) end
if not holder then
token, reserved = promote(owner)
if token then return 'n ' .. token .. ' ' .. reserved end
holder = call('GET', H)
if not holder and call('EXISTS', Q) == 0 then
look_inside()
if admissible(permits) then return granted_now(reserve, grant(owner, permits, ttl, reserve)) end
end
end
if alive > 0 and not may_enter and (not max_waiting or has_room(max_waiting)) then
enqueue(owner, place, ticket, alive, rest)
end
return busy(holder, owner, ticket > 0 and not place and 'r' or 'b')
end
operations.renew = function(ttl, owner)
local holder = call('GET', H)
local ours = renewed(holder, owner, tonumber(ttl))
if not holder then promote() end
return ours and 1 or 0
end
local function nudge()
local head = call('ZRANGE', Q, 0, 0)
if head[1] then tell(head[1], '?') end
end
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
nudge()
return is_ours
end
if bounded then call('ZREM', B, owner) end
if call('EXISTS', S) == 0 then call('DEL', E) end
return is_ours
end
local function end_hold(retain, owner)
local holder = call('GET', H)
local was_ours
if is_of(holder, owner) then
if retain > 0 then
call('SET', H, '~' .. holder, 'PX', retain)
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
pcall(promote)
return was_ours
end
operations.release = function(retain, owner, ...)
if not end_hold(tonumber(retain), owner) then return traced(owner, ...) end
released = (released and released .. ' ' or '') .. in_trace(owner)
return 1
end
operations.withdraw = function(owner)
drop_waiter(owner)
end_hold(0, owner)
return 1
end
local function admin()
local function all_holders(holder)
drop_ended_shares()
local all = call('ZRANGE', S, 0, -1)
if holder then all[#all + 1] = read_holder(holder) end
return all
end
local function held_token(holder)
if holder then return select(2, read_holder(holder)) or '' end
return call('EXISTS', S) == 1 and call('GET', E) or ''
end
local function about(letter, token)
return token == '' and letter or letter .. ' ' .. token
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
operations.raise = function(ttl, owner, token, reserved)
if operations.renew(ttl, owner) == 0 then return 0 end
local last = tonumber(token) + tonumber(reserved) - 1
local fence = tonumber(call('GET', F) or '')
if not fence then
call('SET', F, text(last), 'PX', FENCE_MS)
elseif fence < last then
call('SET', F, text(last), 'KEEPTTL')
end
if call('EXISTS', H) == 1 then
call('SET', H, owner .. ' ' .. token .. (reserved == '1' and '' or ' ' .. reserved), 'PX', ttl)
elseif tonumber(call('GET', E) or '0') < tonumber(token) then
call('SET', E, token, 'KEEPTTL')
end
return 1
end
operations.force = function(expected)
local holder = call('GET', H)
local victims = all_holders(holder)
local token = held_token(holder)
if token ~= (expected or '') or not holder and #victims == 0 then
if not holder then promote() end
return 0
end
call('DEL', H, S, B, E)
tell_all(victims, about('x', token))
promote()
return 1
end
operations.steal = function(owner, ttl, reserve, expected)
local holder = call('GET', H)
local token, reserved = renewed(holder, owner, tonumber(ttl))
if token then return 'g ' .. token .. ' ' .. reserved end
local victims = all_holders(holder)
local held = held_token(holder)
if held ~= (expected or '') then return busy(holder, owner) end
token, reserved = grant(owner, 0, tonumber(ttl), reserve)
call('DEL', S, B, E)
tell_all(victims, about('x', held))
return granted_now(reserve, token, reserved)
end
operations['request-release'] = function()
local holder = call('GET', H)
if holder and not read_holder(holder) then return 'f' end
return tell_all(all_holders(holder), about('r', held_token(holder)))
end
operations.complete = function(remember, owner, retain, ...)
local holder = call('GET', H)
if is_of(holder, owner) then
call('SET', D, owner .. ' ' .. text(ms), 'PX', remember)
if retain then operations.release(retain, owner) end
return 1
end
if not holder then promote() end
if not is_of(call('GET', D), owner) then return traced(owner, ...) end
call('PEXPIRE', D, remember)
return 1
end
local function marked_at(mark)
return match(mark, ' (%d+)$') or '0'
end
operations.marked = function()
local mark = call('GET', D)
return mark and marked_at(mark) or ''
end
operations.unmark = function(which)
local mark = call('GET', D)
if not mark or not is_of(mark, which) and marked_at(mark) ~= which then return 0 end
return call('DEL', D)
end
operations.inspect = function()
if call('EXISTS', H) == 0 then promote() end
local holder = call('GET', H)
drop_ended_shares()
local token = held_token(holder)
local shares = call('ZRANGE', S, 0, -1, 'WITHSCORES')
local state = { token, holder and line(holder) or '', holder and call('PTTL', H) or 0, #shares / 2 }
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
operations.probe = function(name, nonce)
return tell(name .. '#0', 'p ' .. nonce) or 0
end
operations.say = function(name, ...)
return tell(name .. '#0', table.concat({ ... }, ' ')) or 0
end
operations.note = function(most, ttl, ...)
local journal = H .. ':journal'
for i, entry in ipairs({ ... }) do
call('ZADD', journal, text(now + i), entry)
end
extend(journal, tonumber(ttl))
local excess = call('ZCARD', journal) - tonumber(most)
if excess > 0 then call('ZREM', journal, unpack(call('ZRANGE', journal, 0, excess - 1))) end
return 1
end
operations.notes = function(since)
return table.concat(call('ZRANGE', H .. ':journal', since, '+inf', 'BYSCORE', 'WITHSCORES'), ' ')
end
end
return function(lock, operation)
H, S, B, E = lock, lock .. ':shared', lock .. ':bounds', lock .. ':epoch'
Q, W, D = lock .. ':queue', lock .. ':waiter', lock .. ':done'
local words = {}
for word in string.gmatch(operation, '%S+') do
words[#words + 1] = string.byte(word) == 35 and instance .. word or word
end
if not operations[words[1]] then admin() end
return operations[words[1]](unpack(words, 2))
end
end
local replies, operations = {}, nil
for i = 1, count do replies[i] = reply end
for _, i in ipairs(rest) do
local lock, operation = KEYS[i], before .. ARGV[HEADER + i] .. behind
local ok, answer = false, nil
if kind == 'release' then ok, answer = pcall(hand_over, lock, instance .. ARGV[HEADER + i]) end
if ok and answer then
answer = '1'
released = (released and released .. ' ' or '') .. ARGV[HEADER + i]
else
operations = operations or slow_operations()
ok, answer = pcall(operations, lock, operation)
end
if not ok then
answer = string.gsub(type(answer) == 'table' and answer.err or tostring(answer), '%c', ' ')
if string.sub(answer, 1, 8) == 'READONLY' then return redis.error_reply(answer) end
answer = 'e ' .. answer
end
replies[i] = answer
end
reply = table.concat(replies, '\\n')
end
if life ~= '' then try('PEXPIRE', F, life, 'GT') end
if released and number ~= '' then
local T = KEYS[count + 2]
local added = try('HSET', T, string.sub(number, -3), number .. ' ' .. released)
if added == 1 or string.byte(number) == 43 then
if type(try('PEXPIRE', T, '120000')) ~= 'number' then try('DEL', T) end
end
end
return reply
`;

export const TOPOLOGY_SCRIPT = `local ms = ARGV[1]
if not ms then return redis.call('EXISTS', KEYS[2]) end
if ms == '0' then return redis.call('DEL', KEYS[2]) end
redis.call('SET', KEYS[2], '1', 'PX', ms)
return 1
`;
