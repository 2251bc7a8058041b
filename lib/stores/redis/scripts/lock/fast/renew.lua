-- Renewals with the same ttl, of exclusive locks.

local find, byte = string.find, string.byte
local holders = call('MGET', unpack(KEYS, 1, count))
for i = 1, count do
  --- @include "fast/is-ours"
  if is_ours then
    call('PEXPIRE', KEYS[i], terms)
  else
    rest = rest or {}
    rest[#rest + 1] = i
  end
end
reply, before, behind = '1', 'renew ' .. terms .. ' ', ''
