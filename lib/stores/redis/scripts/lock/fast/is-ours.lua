-- Whether the owner of operation `i` holds its lock, by what was read of all of them. The function `is_of` says the same,
-- and is made where it has other uses.

local holder = holders[i]
local owner = instance .. ARGV[HEADER + i]
local is_ours = holder and find(holder, owner, 1, true) == 1 and byte(holder, #owner + 1) == 32
