--[[
Look at a concurrent limiter and change nothing.

KEYS
  1 leases   zset      tickets of holders by the millisecond their lease ends
  2 queue    zset      tickets of waiters in the order they came
ARGV
RETURNS
  {used, waiting, milliseconds until the first lease ends, or -1}
]]
--- @include lib/clock

local now = clock()
local first = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
return {redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf'), redis.call('ZCARD', KEYS[2]), first and first - now or -1}
