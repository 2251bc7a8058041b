-- When it was marked; of what another program wrote, long ago.
local function marked_at(mark)
  return match(mark, ' (%d+)$') or '0'
end

-- -> when it was marked, ms, or nothing
operations.marked = function()
  local mark = call('GET', D)
  return mark and marked_at(mark) or ''
end
