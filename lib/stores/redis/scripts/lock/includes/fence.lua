-- Each call gives higher tokens than the one before.
local function next_token(reserve)
  --- @include "includes/token"
  return token, reserved, tail
end
