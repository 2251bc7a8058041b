-- The time of the call in us, as a string.
local time = us
if not time then
  time = call('TIME')
  time = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
  us = time
end
