-- One operation, by its name.

local seldom

return function(lock, operation)
  H, S, B, Q, W = lock, lock .. ':shared', lock .. ':bounds', lock .. ':queue', lock .. ':waiter'
  F, D = lock .. ':fence', lock .. ':done'
  local words = {}
  for word in string.gmatch(operation, '%S+') do words[#words + 1] = string.byte(word) == 35 and ARGV[2] .. word or word end
  local run = operations[words[1]]
  if not run then
    seldom = seldom or rare()
    run = seldom[words[1]]
  end
  return run(unpack(words, 2))
end
