-- One operation, by its name.

local seldom

return function(lock, operation)
  H, S, Q, W, F, D = lock, lock .. ':shared', lock .. ':queue', lock .. ':waiter', lock .. ':fence', lock .. ':done'
  local words = {}
  for word in string.gmatch(operation, '%S+') do words[#words + 1] = string.byte(word) == 35 and ARGV[2] .. word or word end
  local run = operations[words[1]]
  if not run then
    seldom = seldom or rare()
    run = seldom[words[1]]
  end
  return run(unpack(words, 2))
end
