-- A window's list of when units were taken, newest first.

-- How many entries from the front are so, at least `low` and at most `high`: they are sorted.
local function how_many(key, low, high, are_so)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if are_so(tonumber(redis.call('LINDEX', key, middle))) then low = middle + 1 else high = middle end
  end
  return low
end

-- Units used, units reserved, microseconds until the first comes back. The first `known` of `size` entries are in the window.
local function state(key, now, window, known, size)
  local all = how_many(key, known, size, function(at) return at > now - window end)
  local ahead = 0
  if all > 0 and tonumber(redis.call('LINDEX', key, 0)) > now then
    ahead = how_many(key, 0, all, function(at) return at > now and at % 1 > 0 end)
  end
  return all - ahead, ahead, all > 0 and redis.call('LINDEX', key, all - 1) + window - now or 0
end
