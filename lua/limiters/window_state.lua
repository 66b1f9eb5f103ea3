--[[
Look at a window and change nothing.

KEYS
  1 taken    list      microseconds at which units were or will be taken, newest first; with .5 behind where they were reserved
ARGV
  1 window   integer   microseconds
RETURNS
  {units used, units reserved, microseconds until the first comes back}
]]
local time = redis.call('TIME')
local now, size = time[1] * 1000000 + time[2], redis.call('LLEN', KEYS[1])

-- How many entries from the front are so: they are sorted, newest first.
local function how_many(are_so)
  local low, high = 0, size
  while low < high do
    local middle = math.floor((low + high) / 2)
    if are_so(tonumber(redis.call('LINDEX', KEYS[1], middle))) then low = middle + 1 else high = middle end
  end
  return low
end

local all = how_many(function(at) return at > now - ARGV[1] end)
local ahead = how_many(function(at) return at > now and at % 1 > 0 end)
local first = all > 0 and redis.call('LINDEX', KEYS[1], all - 1) + ARGV[1] - now or 0
return {all - ahead, ahead, first}
