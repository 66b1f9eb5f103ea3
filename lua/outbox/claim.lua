--[[
Take items that are due, so that nobody else does while the lease runs.

KEYS
  1 out     zset      the outbox: item by the millisecond at which the reaper may take it
ARGV
  1 lease   integer   milliseconds until an item that is not struck off is due again
  2 limit   integer   items at most
  3 ahead   integer   milliseconds to look ahead: items whose decider may still be at them
RETURNS
  the items, oldest first
]]
--- @include lib/clock

local now = clock()
local items = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now + ARGV[3], 'LIMIT', 0, ARGV[2])
for _, item in ipairs(items) do
  redis.call('ZADD', KEYS[1], 'XX', now + ARGV[1], item)
end
return items
