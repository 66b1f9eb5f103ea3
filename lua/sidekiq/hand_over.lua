--[[
Push the job that an outbox item stands for and strike the item off, so that it is pushed once.

KEYS
  1 out       zset      outbox
  2 queues    set       names of queues
  3 queue     list      where the job goes
ARGV
  1 item      string
  2 name      string    of the queue
  3 payload   string
RETURNS
  1 if it was pushed, 0 if somebody already had
SLOTS many
]]
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('SADD', KEYS[2], ARGV[2])
redis.call('LPUSH', KEYS[3], ARGV[3])
return 1
