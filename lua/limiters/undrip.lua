--[[
Give back unused units of what refills evenly: what of them has not come again by itself. Where somebody has reserved after
them they stay taken, so that nobody who comes later is earlier.

KEYS
  1 owed     string    microseconds until it is full again, when this was written; it expires when it is
ARGV
  1 unit     number    microseconds in which one unit comes
  2 count    integer   units that it holds
  3 cost     integer   units
  4 since    integer   microseconds since before they were taken
  5 full     integer   the microsecond at which it was full again when they were reserved; 0 if they were there at once
RETURNS
  1 if they were given back, else 0
RESEND no
]]
--- @include lib/owed
--- @include lib/clock

local now, owed, full = clock() * 1000, owed_now(KEYS[1]), tonumber(ARGV[5])
local units = ARGV[1] * ARGV[3]
-- Others add whole units. What is less is of clocks, and of moments that passed between two looks at one.
local others = math.max(1000, units / ARGV[3] / 2)
local left = full > 0 and full - now or units - ARGV[4]
if left <= 0 or (owed > ARGV[1] * ARGV[2] + ROUNDING and now + owed > full + others) then return 0 end
owe(KEYS[1], owed - math.min(units, left))
return 1
