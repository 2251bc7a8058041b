-- Whether all keys are on one server: a mark is set under one key, and looked for by calls that go where other keys go.
--
-- KEYS[1]: what the call goes after, and nothing else. KEYS[2]: the mark.
-- ARGV[1]: the ms that the mark stays: it is set; '0': it is removed; nothing: it is looked for.
-- -> 1, or 0: there is none

local ms = ARGV[1]
if not ms then return redis.call('EXISTS', KEYS[2]) end
if ms == '0' then return redis.call('DEL', KEYS[2]) end
redis.call('SET', KEYS[2], '1', 'PX', ms)
return 1
