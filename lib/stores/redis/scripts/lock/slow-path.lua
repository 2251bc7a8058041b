-- What the fast path leaves: one operation after the other.

--- @include "includes/holder"

--- @include "includes/fence"

--- @include "includes/hand-over"

local function slow_operations()
  --- @include "operations"
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
    -- An error is part of the reply, and hurts no other operation.
    answer = string.gsub(type(answer) == 'table' and answer.err or tostring(answer), '%c', ' ')
    -- Then nothing can be written at all. As the error of the call it is one that a client may reconnect on.
    if string.sub(answer, 1, 8) == 'READONLY' then return redis.error_reply(answer) end
    answer = 'e ' .. answer
  end
  replies[i] = answer
end
reply = table.concat(replies, '\n')
