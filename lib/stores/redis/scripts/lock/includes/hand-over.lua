-- Hands the lock of `owner` over to the first in line, if that one wants it alone, lives and is sure to hear: the way of a
-- release between two processes, for which little is made.
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
  -- Its process is gone: released again, to the next one. A process that listens to a replica has heard of it, and is told.
  try('PUBLISH', channel, seq .. ' x ' .. token)
  call('SET', lock, holder, 'PX', '1000')
  return false
end
