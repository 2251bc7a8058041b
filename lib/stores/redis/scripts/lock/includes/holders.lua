-- Those who hold a lock, and their token.

-- All owners that hold, also those that have released and for which the lock is only kept.
local function all_holders(holder)
  drop_ended_shares()
  local all = call('ZRANGE', S, 0, -1)
  if holder then all[#all + 1] = read_holder(holder) end
  return all
end

-- The token that is held: of sharers, of whom those that have ended are gone, that of their epoch. Empty where nobody
-- holds, or another program.
local function held_token(holder)
  if holder then return select(2, read_holder(holder)) or '' end
  return call('EXISTS', S) == 1 and call('GET', E) or ''
end

-- The message to those who hold, or held, this token.
local function about(letter, token)
  return token == '' and letter or letter .. ' ' .. token
end

local function tell_all(owners, message)
  local told = 0
  for _, owner in ipairs(owners) do
    if string.sub(owner, 1, 1) ~= '~' then
      tell(owner, message)
      told = 1
    end
  end
  return told
end
