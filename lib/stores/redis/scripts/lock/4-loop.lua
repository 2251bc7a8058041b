-- The loop over the operations of one call.

local replies, look_closer = {}, nil
for i = 1, #ARGV - 3 do
  local H, operation = KEYS[i], ARGV[i + 3]
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
if released[1] and ARGV[3] ~= '' then
  -- For a release that arrives again. Where it cannot be written, that one is answered as if it had not been here.
  local number, T, try = ARGV[3], KEYS[#KEYS], redis.pcall
  local added = try('HSET', T, string.sub(number, -3), number .. ' ' .. table.concat(released, ' '))
  if added == 1 or string.byte(number) == 43 then
    if type(try('PEXPIRE', T, '120000')) ~= 'number' then try('DEL', T) end
  end
end
return table.concat(replies, '\n')
