-- Exclusive acquires, for the first time and with the same terms. Those of names that nobody holds, shares or waits for
-- have one token together: no name gets it twice, since nothing is released here.

local ttl, reserve, more = string.match(terms, '^(%d+) (%d+) (.*)$')
--- @include "includes/token"

-- Whether none of the names is shared or waited for.
local is_clear
if count == 1 then
  is_clear = call('EXISTS', KEYS[1] .. ':shared', KEYS[1] .. ':queue') == 0
else
  local others = {}
  for i = 1, count do
    local H = KEYS[i]
    others[2 * i - 1], others[2 * i] = H .. ':shared', H .. ':queue'
  end
  is_clear = call('EXISTS', unpack(others)) == 0
end

for i = 1, count do
  local H = KEYS[i]
  local is_free = is_clear or count > 1 and call('EXISTS', H .. ':shared', H .. ':queue') == 0
  -- With GET the reply is nothing or the holder, and no object of its own.
  if not is_free or try('SET', H, instance .. ARGV[HEADER + i] .. tail, 'PX', ttl, 'NX', 'GET') then
    rest = rest or {}
    rest[#rest + 1] = i
  end
end

reply = reserved == reserve and token or 'n ' .. token .. ' ' .. reserved
if rest then
  local alive, push, most = string.match(more, '^(%d+) (%d) ?(%d*)$')
  before = 'acquire 0 '
  behind = table.concat({ '', ttl, reserve, alive, '0 1', push, '1', most }, ' ')
end
