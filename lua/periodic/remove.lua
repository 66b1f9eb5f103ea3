--[[
Take entries out of a schedule.

KEYS
  1 entries  hash      definitions by name
  2 due      zset      entries by the millisecond of their next tick
  3 paused   set       names of entries that rest
  4 running  hash      by entry: id and begin of the job that may still run
  5 queued   hash      by entry: what is enqueued when that job ends
  6 meta     hash      number of the last deploy
ARGV
  1 deploy   integer   of which deploy this is part; 0 where of none
  2... names string
RETURNS
  how many were there; -1 where a later deploy has begun; -2 where part of none, and file or code has one of them
]]
--- @include lib/schedule

if is_superseded(KEYS[6], ARGV[1]) then return -1 end
for i = 2, #ARGV do
  if is_theirs(KEYS[1], ARGV[i], ARGV[1]) then return -2 end
end
local count = 0
for i = 2, #ARGV do
  local name = ARGV[i]
  count = count + redis.call('HDEL', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('SREM', KEYS[3], name)
  redis.call('HDEL', KEYS[4], name)
  redis.call('HDEL', KEYS[5], name)
end
return count
