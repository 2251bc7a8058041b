-- The lock of the operation that runs.

local HEADS = 16

local match = string.match
--- @include "includes/time"

-- The time in us, and in ms.
local now = tonumber(time)
local ms = math.floor(now / 1000)
-- Its keys.
local H, S, B, E, Q, W, D
-- Its sharers: how many there are, and the lowest of their bounds as soon as it was asked for.
local inside, lowest

local function text(number)
  return string.format('%d', number)
end

-- What another program wrote under our keys may be anything; a reply is one line, and an empty one says that nobody holds.
local function line(foreign)
  return foreign == '' and '(empty)' or (string.gsub(foreign, '%c', ' '))
end

-- Owner, token and reserved tokens in the value of H, the owner with its tilde; nothing where another program wrote it.
local function read_holder(holder)
  return match(holder, '^(%S+#%d+) (%d+) ?(%d*)$')
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

local function tell(owner, message)
  local to, seq = match(owner, '^(.*)#(%d+)$')
  if not to then return 0 end
  local heard = try('PUBLISH', prefix .. to, seq .. ' ' .. message)
  return type(heard) == 'number' and heard or nil
end
