--[[
Remember that a batch is no longer wanted: its members that have not started are left out, and so are those below it.

KEYS
  1 record       hash      the batch
  2 invalidated  zset      batches of the shard that are not wanted, by when that was said
ARGV
  1 bid          string
  2 keep         integer   milliseconds it is remembered
RETURNS
  1, 0 if it was not wanted before, -1 where there is no such batch
]]
--- @include lib/clock

if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local now = clock()
local news = redis.call('HSETNX', KEYS[1], 'invalidated_at', now)
redis.call('ZADD', KEYS[2], 'NX', now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return news
