-- Whether the value of H says that the owner holds.
local function is_of(holder, owner)
  return holder and string.find(holder, owner, 1, true) == 1 and string.byte(holder, #owner + 1) == 32
end
