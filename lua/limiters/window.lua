--[[
Take from a window: never more than so many units in any stretch of its length, exactly. Or reserve the next that come free.

KEYS
  1 taken    list      microseconds at which units were taken, newest first; with .5 behind where they were reserved
ARGV
  1 limit    integer   units in the window
  2 window   integer   microseconds
  3 cost     integer   units, at most 1,000
  4 wait     integer   microseconds the caller would wait
  5 hold     integer   microseconds within which the caller spends what it takes, at most a hundredth of the window
RETURNS
  {microseconds to wait, what stands in the list for each unit}; or, where nothing was taken, {minus the microseconds after
  which there is something, and then what window_state.lua returns}
RESEND no
]]
--- @include lib/window
local MOST, LONGEST = 1000, 1 / 100
local limit, window, cost, hold = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now, size = time[1] * 1000000 + time[2], redis.call('LLEN', KEYS[1])
local at, newest, known = now, 0, 0
if size > 0 then
  newest = tonumber(redis.call('LINDEX', KEYS[1], 0))
  if newest > now then
    local step = math.floor(newest - now - window * LONGEST)
    if newest % 1 > 0 then
      if newest - now <= window then at = newest - 0.5 end  -- Nobody comes before those who have reserved.
    elseif step > 0 then
      -- Nobody holds for so long: the clock was set back. What was taken is as old as it was, so it is set back too; where it
      -- is much, time waits for it.
      if size <= MOST then
        local all = redis.call('LRANGE', KEYS[1], 0, -1)
        for i = 1, size do all[i] = string.format('%.0f', math.floor(all[i] - step)) end
        redis.call('DEL', KEYS[1])
        redis.call('RPUSH', KEYS[1], unpack(all))
        newest = newest - step
        redis.call('PEXPIRE', KEYS[1], math.ceil((newest - now + window) / 1000))
      else
        now, at = now + step, now + step
      end
    end
  end
  if limit - cost < size then
    local free = redis.call('LINDEX', KEYS[1], limit - cost - size) + window
    if free > now then at, known = math.max(at, free), limit - cost + 1 end
  end
end
if at - now > tonumber(ARGV[4]) then return {now - at, state(KEYS[1], now, window, known, size)} end
-- The list stays sorted, though others hold for longer.
local last = at + hold
if newest > last then last = math.floor(newest) end
local stamp, stamps = string.format('%.0f', last), {}
if at > now then stamp = stamp .. '.5' end
for i = 1, cost do stamps[i] = stamp end
redis.call('LPUSH', KEYS[1], unpack(stamps))
if size + cost > limit then
  -- More come than go, so that what has passed is gone in the end.
  local passed = redis.call('LRANGE', KEYS[1], -2 * cost, -1)
  for i = #passed, 1, -1 do
    if passed[i] + window > now then break end
    redis.call('RPOP', KEYS[1])
  end
end
redis.call('PEXPIRE', KEYS[1], math.ceil((last - now + window) / 1000))
return {at - now, stamp}
