--[[
Keep what a member reports, in place of what it reported before.

KEYS
  1 record    hash      the batch
  2 results   hash      what members reported, by position
ARGV
  1 position  integer   the member's
  2 value     string    JSON
RETURNS
  1 if it is kept; 0 where the batch keeps no results, is gone, or has no such member
]]
--- @include lib/longer

local v = redis.call('HMGET', KEYS[1], 'results', 'total', 'ttl')
local position = tonumber(ARGV[1])
if not v[1] or position < 0 or position >= tonumber(v[2]) then return 0 end
redis.call('HSET', KEYS[2], position, ARGV[2])
redis.call('PEXPIRE', KEYS[2], longer(v[3]))
return 1
