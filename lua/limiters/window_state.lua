--[[
Look at a window and change nothing.

KEYS
  1 taken    list      microseconds at which units were or will be taken, newest first
ARGV
  1 window   integer   microseconds
  2 hold     integer   microseconds within which callers spend what they take
RETURNS
  {units used, units reserved, microseconds until the first comes back}
]]
local time = redis.call('TIME')
local now, size = time[1] * 1000000 + time[2], redis.call('LLEN', KEYS[1])

-- How many entries from the front are later than an instant: they are sorted, newest first.
local function later_than(instant)
  local low, high = 0, size
  while low < high do
    local middle = math.floor((low + high) / 2)
    if tonumber(redis.call('LINDEX', KEYS[1], middle)) > instant then low = middle + 1 else high = middle end
  end
  return low
end

local all, ahead = later_than(now - ARGV[1]), later_than(now + ARGV[2])
local first = all > 0 and redis.call('LINDEX', KEYS[1], all - 1) + ARGV[1] - now or 0
return {all - ahead, ahead, first}
