-- The loop over the operations of one call.

local AT_HAND = { acquire = acquire_free, release = release_unwanted, renew = renew_exclusive }

local replies = {}
local look_closer
for i = 1, #ARGV - 1 do
  H = KEYS[i]
  local operation = ARGV[i + 1]
  local at_hand = AT_HAND[match(operation, '^%a+')]
  local ok, reply = true, nil
  if at_hand then ok, reply = pcall(at_hand, operation) end
  if ok and not reply then
    look_closer = look_closer or contended()
    ok, reply = pcall(look_closer, operation)
  end
  if not ok then
    reply = 'e ' .. string.gsub(type(reply) == 'table' and reply.err or tostring(reply), '%c', ' ')
    -- Nothing can be written at all. As the error of the call it is one that a client may reconnect on.
    if string.sub(reply, 3, 10) == 'READONLY' then return redis.error_reply(string.sub(reply, 3)) end
  end
  replies[i] = reply
end
return table.concat(replies, '\n')
