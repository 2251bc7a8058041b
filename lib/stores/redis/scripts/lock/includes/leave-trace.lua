-- Notes whose holds this call has ended. Where that cannot be written, a release that arrives again is answered as if it
-- had not been here before.

local T = KEYS[count + 2]
local added = try('HSET', T, string.sub(number, -3), number .. ' ' .. released)
if added == 1 or string.byte(number) == 43 then
  if type(try('PEXPIRE', T, '120000')) ~= 'number' then try('DEL', T) end
end
