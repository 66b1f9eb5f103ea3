--[[
Extend a lease that has not ended.

KEYS
  1 leases   zset      tickets of holders by the millisecond their lease ends
ARGV
  1 ticket   string    of the holder
  2 lock     integer   milliseconds from now
RETURNS
  1 if it was extended, 0 if it had ended
]]
--- @include lib/clock

local now, ends = clock(), redis.call('ZSCORE', KEYS[1], ARGV[1])
if not ends or tonumber(ends) <= now then return 0 end
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[1])
return 1
