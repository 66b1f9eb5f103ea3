--[[
What was counted of a limiter, minute by minute.

KEYS
  1 minutes  hash      as in count.lua
ARGV
RETURNS
  the minute that it is now, since 1970; and then each one that was counted in, with its numbers, in no order
]]
--- @include lib/clock

local found = redis.call('HVALS', KEYS[1])
table.insert(found, 1, math.floor(clock() / 60000))
return found
