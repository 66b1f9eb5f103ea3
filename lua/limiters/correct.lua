--[[
Correct what was taken of something that refills evenly, once the true cost is known. It holds never more than it can, and
never less than nothing; what is reserved beyond that stays so.

KEYS
  1 owed     string    microseconds until it is full again, when this was written; it expires when it is
ARGV
  1 unit     number    microseconds in which one unit comes
  2 count    integer   units that it holds
  3 units    integer   taken too few, or too many where negative
RETURNS
  units that are left, rounded down
RESEND no
]]
--- @include lib/owed

local before, room = owed_now(KEYS[1]), ARGV[1] * ARGV[2]
local owed = math.max(0, math.min(math.max(room, before), before + ARGV[1] * ARGV[3]))
owe(KEYS[1], owed)
return math.max(0, math.floor((room - owed + ROUNDING) / ARGV[1]))
