-- The first of `reserve` tokens, how many are reserved, and how H has them behind its owner, as strings. Tokens follow the
-- time and are not counted by INCR: after a loss of data INCR starts below tokens that were given out. While tokens are
-- reserved, F is ahead of the time, by no more than 1,000 us.

--- @include "includes/time"

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
