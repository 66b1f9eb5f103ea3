--[[
Who holds the slots of a concurrent limiter.

KEYS
  1 leases   zset      tickets of holders by the millisecond their lease ends
ARGV
  1 most     integer   how many to name
RETURNS
  tickets of those whose lease has not ended, each with the millisecond at which it does, the first to end first
]]
--- @include lib/clock

return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. clock(), '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[1])
