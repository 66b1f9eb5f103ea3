--[[
Correct what was taken of something that refills evenly, once the true cost is known. It holds never more than it can.

KEYS
  1 owed     string    microseconds until it is full again, when this was written; it expires when it is
ARGV
  1 unit     integer   microseconds in which one unit comes
  2 room     integer   microseconds until an empty one is full
  3 units    integer   taken too few, or too many where negative
RETURNS
  units that are left, rounded down
RESEND no
]]
--- @include lib/owed

local owed = math.max(0, math.min(tonumber(ARGV[2]), owed_now(KEYS[1]) + ARGV[1] * ARGV[3]))
owe(KEYS[1], owed)
return math.floor((ARGV[2] - owed) / ARGV[1])
