-- The loop over the operations of one call.

local replies, look_closer = {}, nil
for i = 1, #ARGV - 2 do
  local H, operation = KEYS[i], ARGV[i + 2]
  local ok, reply = pcall(at_hand, H, operation)
  if not ok or not reply then
    look_closer = look_closer or contended()
    ok, reply = pcall(look_closer, H, operation)
  end
  if not ok then
    reply = 'e ' .. string.gsub(type(reply) == 'table' and reply.err or tostring(reply), '%c', ' ')
    -- Nothing can be written at all. As the error of the call it is one that a client may reconnect on.
    if string.sub(reply, 3, 10) == 'READONLY' then return redis.error_reply(string.sub(reply, 3)) end
  end
  replies[i] = reply
end
return table.concat(replies, '\n')
