-- The operations, whatever stands in their way. The body of a function; returns the one that carries out an operation.

--- @include "includes/lock"

--- @include "includes/shares"

--- @include "includes/grant"

--- @include "includes/promote"

--- @include "includes/queue"

--- @include "includes/find-trace"

local operations = {}

--- @include "operations/acquire"

--- @include "operations/renew"

--- @include "operations/release"

--- @include "operations/withdraw"

local function admin()
  --- @include "admin"
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
