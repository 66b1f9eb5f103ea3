--[[
Move a job that waits to the dead, if it is still there, and keep the dead few.

KEYS
  1 waiting   any       where it waits: a queue, the schedule or the retries
  2 dead      zset      jobs that will not run again
ARGV
  1 payload   string    as it waits
  2 keep      string    the payload to keep
RETURNS
  1 if it was moved, 0 if it was not there any more
SLOTS many
]]
--- @include lib/clock
--- @include lib/the_dead
--- @include lib/take_out

if not take_out(KEYS[1], ARGV[1]) then return 0 end
local now = clock()
redis.call('ZADD', KEYS[2], string.format('%.3f', now / 1000), ARGV[2])
trim_dead(KEYS[2], now)
return 1
