--[[
Drop all jobs that wait in one place, and a queue's name with them.

KEYS
  1 waiting   any       a queue, the schedule, the retries or the dead
  2 queues    set       names of queues
ARGV
  1 name      string    of the queue; empty if it is none
RETURNS
  how many there were
SLOTS many
]]
local kind = redis.call('TYPE', KEYS[1]).ok
local count = 0
if kind == 'list' then
  count = redis.call('LLEN', KEYS[1])
elseif kind == 'zset' then
  count = redis.call('ZCARD', KEYS[1])
end
redis.call('UNLINK', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
return count
