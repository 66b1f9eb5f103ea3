--[[
Take from what refills evenly (a leaky bucket, a budget of points), or reserve what will have come by then.

KEYS
  1 owed     string    microseconds until it is full again, when this was written; it expires when it is
ARGV
  1 unit     integer   microseconds in which one unit comes
  2 room     integer   microseconds until an empty one is full
  3 cost     integer   units
  4 wait     integer   microseconds the caller would wait
RETURNS
  microseconds to wait, 0 for none; or minus the microseconds after which there is enough, where nothing was taken
RESEND no
]]
--- @include lib/owed

local owed = owed_now(KEYS[1]) + ARGV[1] * ARGV[3]
local pause = math.max(0, owed - ARGV[2])
if pause > tonumber(ARGV[4]) then return -math.ceil(pause) end
owe(KEYS[1], owed)
return math.ceil(pause)
