-- keep ttl entry... -> 1
-- Notes for operators: the last `keep` of all processes, for `ttl` ms after the last one.
operations.note = function(most, ttl, ...)
  local journal = H .. ':journal'
  for i, entry in ipairs({ ... }) do
    call('ZADD', journal, text(now + i), entry)
  end
  extend(journal, tonumber(ttl))
  local excess = call('ZCARD', journal) - tonumber(most)
  if excess > 0 then call('ZREM', journal, unpack(call('ZRANGE', journal, 0, excess - 1))) end
  return 1
end
