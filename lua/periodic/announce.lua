--[[
Put a schedule on the list.

KEYS
  1 schedules  set       names of schedules
ARGV
  1 name       string
RETURNS
  1 if it is new, else 0
]]
--- @include lib/schedule

local new = redis.call('SADD', KEYS[1], ARGV[1])
keep(KEYS[1])
return new
