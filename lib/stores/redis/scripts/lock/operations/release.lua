-- How a hold ends.

-- Tells the first in line to ask again, since what it waits for ends at another time now.
local function nudge()
  local head = call('ZRANGE', Q, 0, 0)
  if head[1] then tell(head[1], '?') end
end

-- Ends the owner's share, and keeps it from the others for a while. Whether it was the owner's until now.
local function end_share(retain, owner)
  local score = call('ZSCORE', S, owner)
  if not score then
    local kept = call('ZSCORE', S, '~' .. owner)
    return kept and read_share(kept) > ms
  end
  local until_ms, bounded = read_share(score)
  local is_ours = until_ms > ms
  call('ZREM', S, owner)
  if is_ours and retain > 0 then
    share('~' .. owner, retain, bounded)
    nudge()
    return is_ours
  end
  if bounded then call('ZREM', B, owner) end
  if call('EXISTS', S) == 0 then call('DEL', E) end
  return is_ours
end

-- The same of any hold.
local function end_hold(retain, owner)
  local holder = call('GET', H)
  local was_ours
  if is_of(holder, owner) then
    if retain > 0 then
      call('SET', H, '~' .. holder, 'PX', retain)
      nudge()
      return true
    end
    call('DEL', H)
    was_ours = true
  elseif is_of(holder, '~' .. owner) then
    return true
  elseif holder then
    call('ZREM', S, owner)
    return false
  else
    was_ours = end_share(retain, owner)
  end
  -- The lock is given back, whatever becomes of the next in line, which asks again by itself.
  pcall(promote)
  return was_ours
end

-- retain owner [number ...] -> 1, or 0: was not the owner's, or "u": it cannot be told any more
-- The numbers are those of the calls in which it was sent before.
operations.release = function(retain, owner, ...)
  if not end_hold(tonumber(retain), owner) then return traced(owner, ...) end
  released = (released and released .. ' ' or '') .. in_trace(owner)
  return 1
end
