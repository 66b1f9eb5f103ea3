--[[
Look at a window and change nothing.

KEYS
  1 taken    list      microseconds at which units were or will be taken, newest first; with .5 behind where they were reserved
ARGV
  1 window   integer   microseconds
RETURNS
  {units used, units reserved, microseconds until the first comes back}
]]
--- @include lib/window

local time = redis.call('TIME')
return {state(KEYS[1], time[1] * 1000000 + time[2], ARGV[1], 0, redis.call('LLEN', KEYS[1]))}
