--[[
Look at a bucket and change nothing.

KEYS
  1 bucket   hash      as in bucket.lua
ARGV
  1 limit    integer   units a period
  2 period   integer   milliseconds
RETURNS
  {units used in this period, units reserved in later ones, milliseconds to its end}
]]
--- @include lib/bucket

local limit, count = tonumber(ARGV[1]), tonumber(redis.call('HGET', KEYS[1], 'count') or 0)
if count == 0 then return {0, 0, 0} end
local used, turn = this_period(KEYS[1], count, tonumber(ARGV[2]))
return {state(used, limit, turn)}
