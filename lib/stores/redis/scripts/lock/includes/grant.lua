-- Grants: of the lock as it is free for this owner.

-- Gives the owner a share. Holders whose shares overlap have one token, so that a guarded resource refuses none of them.
local function share_epoch(owner, ttl, bounded)
  local token = inside > 0 and call('GET', E)
  local is_new = not token
  if is_new then token = next_token('1') end
  share(owner, ttl, bounded)
  if is_new then call('SET', E, token, 'PX', ttl + 1) end
  return token
end

-- Returns the first token, and how many are reserved, as strings.
local function grant(owner, permits, ttl, reserve)
  if permits > 0 then
    local bounded = permits < UNBOUNDED
    if bounded then bind(owner, permits, ttl) end
    local token = share_epoch(owner, ttl, bounded)
    inside = inside + 1
    return token, '1'
  end
  local token, reserved, tail = next_token(reserve)
  call('SET', H, owner .. tail, 'PX', ttl)
  return token, reserved
end

-- What the owner holds already, with a new lease: its token and reserved tokens, as strings.
local function renewed(holder, owner, ttl)
  if is_of(holder, owner) then
    call('PEXPIRE', H, ttl)
    local _, token, reserved = read_holder(holder)
    return token, reserved == '' and '1' or reserved
  end
  if holder then return nil end
  local score = call('ZSCORE', S, owner)
  if not score then return nil end
  local until_ms, bounded = read_share(score)
  if until_ms <= ms then return nil end
  inside = 1
  return share_epoch(owner, ttl, bounded), '1'
end

-- The reply to a grant.
local function granted_now(reserve, token, reserved)
  return reserved == reserve and token or 'n ' .. token .. ' ' .. reserved
end
