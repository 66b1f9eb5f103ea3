--[[
Take from what refills evenly (a leaky bucket, a budget of points), or reserve what will have come by then.

KEYS
  1 owed     string    microseconds until it is full again, when this was written; it expires when it is
ARGV
  1 unit     number    microseconds in which one unit comes
  2 count    integer   units that it holds
  3 cost     integer   units
  4 wait     integer   microseconds the caller would wait
RETURNS
  0 if they were taken; where they were reserved, {microseconds to wait, the microsecond at which it is full again}; where
  nothing was taken, {minus the microseconds after which there is enough, and then what drip_state.lua returns}
RESEND no
]]
--- @include lib/owed
--- @include lib/clock

local before = owed_now(KEYS[1])
local owed = before + ARGV[1] * ARGV[3]
local pause = math.ceil(owed - ARGV[1] * ARGV[2] - ROUNDING)
if pause > 0 and pause > tonumber(ARGV[4]) then return {-pause, state(before, ARGV[1])} end
owe(KEYS[1], owed)
if pause <= 0 then return 0 end
return {pause, math.ceil(clock() * 1000 + owed)}
