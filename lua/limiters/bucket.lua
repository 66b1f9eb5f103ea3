--[[
Take from a bucket, which is full again at the start of each period of the clock, or reserve in a later period.

KEYS
  1 bucket   hash      count: units taken since the period in which it was new; where some are reserved, ahead: how many
                       periods, and limit: of how many units; it ends with the last period that something is taken of
ARGV
  1 limit    integer   units a period
  2 period   integer   milliseconds
  3 cost     integer   units; all of one period
  4 wait     integer   milliseconds the caller would wait
RETURNS
  0 if they were taken; where they were reserved, {milliseconds to wait, the millisecond at which their period begins}; where
  nothing was taken, {minus the milliseconds after which there is something, and then what bucket_state.lua returns}
RESEND no
]]
--- @include lib/bucket
--- @include lib/clock

local limit, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local count = redis.call('HINCRBY', KEYS[1], 'count', cost)
if count == cost then
  local now = clock()
  redis.call('PEXPIREAT', KEYS[1], now + lasting(period - now % period, period) - 1)
end
if count <= limit then return 0 end

local used, turn = this_period(KEYS[1], count - cost, period)
local target = math.floor(used / limit)
if used % limit + cost > limit then target = target + 1 end
local pause = target == 0 and 0 or turn + (target - 1) * period
if pause > tonumber(ARGV[4]) then
  redis.call('HINCRBY', KEYS[1], 'count', -cost)
  return {-pause, state(used, limit, turn)}
end
reserve(KEYS[1], math.max(used, target * limit) + cost, target, limit, turn + target * period, period)
if pause == 0 then return 0 end
return {pause, math.floor((clock() + pause) / period + 0.5) * period}
