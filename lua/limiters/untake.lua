--[[
Give units of a bucket back, unless their period has ended.

KEYS
  1 bucket   hash      as in bucket.lua
ARGV
  1 period   integer   milliseconds
  2 cost     integer   units
  3 since    integer   milliseconds since before they were taken
  4 pause    integer   milliseconds that they had to be waited for
RETURNS
  1 if they were given back, else 0
RESEND no
]]
--- @include lib/bucket
--- @include lib/clock

local period, cost, now = tonumber(ARGV[1]), tonumber(ARGV[2]), clock()
local count, target = tonumber(redis.call('HGET', KEYS[1], 'count') or 0), now - ARGV[3] + ARGV[4]
if count < cost or target - target % period + period <= now then return 0 end
local used, turn = this_period(KEYS[1], count, period)
local limit = tonumber(redis.call('HGET', KEYS[1], 'limit') or count)
local left = used - cost
local ahead = math.max(0, math.ceil(left / limit) - 1)
reserve(KEYS[1], left, ahead, limit, turn + ahead * period, period)
return 1
