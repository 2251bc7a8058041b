-- The loop over the operations of one call.

local replies = {}
local look_closer
local at = 2
local i = 0
local name = ARGV[at]
while name do
  i = i + 1
  H = KEYS[i]
  local width, ok, reply
  if name == 'acquire' then
    width = 6
    ok, reply = pcall(acquire_free, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
  elseif name == 'release' then
    width = 3
    ok, reply = pcall(release_unwanted, ARGV[at + 1], ARGV[at + 2])
  elseif name == 'renew' then
    width = 3
    ok, reply = pcall(renew_exclusive, ARGV[at + 1], ARGV[at + 2])
  else
    ok = true
  end
  if ok and not reply then
    look_closer = look_closer or contended()
    width, ok, reply = look_closer(at)
  end
  if not ok then
    reply = 'e ' .. string.gsub(type(reply) == 'table' and reply.err or tostring(reply), '%c', ' ')
    -- Nothing can be written at all. As the error of the call it is one that a client may reconnect on.
    if string.sub(reply, 3, 10) == 'READONLY' then return redis.error_reply(string.sub(reply, 3)) end
  end
  replies[i] = reply
  at = at + width
  name = ARGV[at]
end
return table.concat(replies, '\n')
