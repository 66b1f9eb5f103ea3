--[[
Give units of a bucket back, unused. They stay taken where their period has ended, and where something is reserved of a later
one: that is reckoned by what was taken before.

KEYS
  1 bucket   hash      as in bucket.lua
ARGV
  1 period   integer   milliseconds
  2 cost     integer   units
  3 since    integer   milliseconds since before they were taken
  4 begins   integer   the millisecond at which their period begins; 0 if they were there at once
RETURNS
  1 if they were given back, else 0
RESEND no
]]
--- @include lib/bucket
--- @include lib/clock

local period, cost, now, begins = tonumber(ARGV[1]), tonumber(ARGV[2]), clock(), tonumber(ARGV[4])
local count = tonumber(redis.call('HGET', KEYS[1], 'count') or 0)
if begins == 0 then begins = now - ARGV[3] end
local ahead = math.floor(begins / period) - math.floor(now / period)
if count < cost or ahead < 0 then return 0 end
local used, turn = this_period(KEYS[1], count, period)
local limit = tonumber(redis.call('HGET', KEYS[1], 'limit') or count)
if ahead ~= math.ceil(used / limit) - 1 or used < cost then return 0 end
local left = used - cost
ahead = math.max(0, math.ceil(left / limit) - 1)
reserve(KEYS[1], left, ahead, limit, turn + ahead * period, period)
return 1
