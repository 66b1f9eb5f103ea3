--[[
Find blocks whose lease has ended: their processes are gone.

KEYS
  1 holds   zset      open blocks of the shard
ARGV
  1 limit   integer   how many at most
RETURNS
  bid and token, joined by a bar
]]
--- @include lib/clock

return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', clock(), 'LIMIT', 0, ARGV[1])
