-- The traces of releases.

-- The owner, as the traces have it.
local function in_trace(owner)
  local length = #instance
  local is_short = string.byte(owner, length + 1) == 35 and string.find(owner, instance, 1, true) == 1
  return is_short and string.sub(owner, length + 1) or owner
end

-- Whether this call, when it was here before, or one of these has ended the owner's hold: 1, 0, or "u" where a later call
-- has taken the place of the trace.
local function traced(owner, ...)
  local answer = 0
  if number == '' then return answer end
  for _, earlier in ipairs({ match(number, '%d+'), ... }) do
    local trace = call('HGET', KEYS[count + 2], string.sub(earlier, -3)) or ''
    local in_place, owners = match(trace, '^%+?(%d+)(.*)$')
    if in_place == earlier then
      if string.find(owners .. ' ', ' ' .. in_trace(owner) .. ' ', 1, true) then return 1 end
    elseif in_place and tonumber(in_place) > tonumber(earlier) then
      answer = 'u'
    end
  end
  return answer
end
