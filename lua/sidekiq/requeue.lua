--[[
Move a job that waits to the back of a queue, if it is still there.

KEYS
  1 waiting   any       where it waits: a queue, the schedule, the retries or the dead
  2 queues    set       names of queues
  3 queue     list      where it goes
ARGV
  1 name      string    of that queue
  2 payload   string    as it waits
  3 pushed    string    the payload to push
RETURNS
  1 if it was moved, 0 if it was not there any more
SLOTS many
]]
--- @include lib/take_out

if not take_out(KEYS[1], ARGV[2]) then return 0 end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('LPUSH', KEYS[3], ARGV[3])
return 1
