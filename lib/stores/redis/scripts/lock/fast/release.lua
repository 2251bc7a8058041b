-- Releases that keep nothing, of locks for which nobody waits.

local holders, is_clear
if count == 1 then
  holders = { call('GET', KEYS[1]) }
  is_clear = call('EXISTS', KEYS[1] .. ':queue') == 0
else
  local queues = {}
  for i = 1, count do queues[i] = KEYS[i] .. ':queue' end
  holders, is_clear = call('MGET', unpack(KEYS, 1, count)), call('EXISTS', unpack(queues)) == 0
end

local find, byte = string.find, string.byte
for i = 1, count do
  --- @include "fast/is-ours"
  if not is_ours or not is_clear and (count == 1 or call('EXISTS', KEYS[i] .. ':queue') > 0) then
    rest = rest or {}
    rest[#rest + 1] = i
    -- Of several, an operation before it may change the holder.
    known_holder = count == 1 and holder
    holders[i] = false
  end
end

if not rest then
  call('DEL', unpack(KEYS, 1, count))
  released = table.concat(ARGV, ' ', HEADER + 1)
else
  local ended = {}
  for i = 1, count do
    if holders[i] then
      call('DEL', KEYS[i])
      ended[#ended + 1] = ARGV[HEADER + i]
    end
  end
  released = ended[1] and table.concat(ended, ' ')
end
reply, before, behind = '1', 'release 0 ', ''
