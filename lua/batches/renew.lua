--[[
Show that blocks are alive.

KEYS
  1 holds     zset      open blocks of the shard
ARGV
  1 lease     integer   milliseconds from now
  2... blocks string    bid and token, joined by a bar
RETURNS
  how many of them are still open
]]
--- @include lib/clock

local until_then, open = clock() + ARGV[1], 0
for i = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('ZADD', KEYS[1], 'XX', until_then, ARGV[i])
    open = open + 1
  end
end
return open
