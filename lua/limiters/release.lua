--[[
Give a slot back, or leave the queue, and pass what is free on to those who wait.

KEYS
  1 leases   zset      tickets of holders by the millisecond their lease ends
  2 queue    zset      tickets of waiters in the order they came
  3 meta     hash      the last fence
ARGV
  1 size     integer   slots
  2 ticket   string    of the attempt
  3 cancel   integer   1 if its owner may not know that it was given a slot: it leaves the queue too; 2 if besides a call of
                       its, sent before on another connection, may be yet to come: that finds that its owner has left
  4 ttl      integer   milliseconds an unused limiter is remembered
  5 wake     string    prefix of the waiters' lists
  6 channel  string    prefix of the processes' channels
RETURNS
  1 if it held a slot, 0 if not: its lease had ended and the slot was somebody else's
UNDECLARED wake
]]
--- @include lib/slots

local k = {leases = KEYS[1], queue = KEYS[2], meta = KEYS[3]}
local held = redis.call('ZREM', k.leases, ARGV[2])
if ARGV[3] ~= '0' then
  redis.call('ZREM', k.queue, ARGV[2])
  redis.call('DEL', ARGV[5] .. ARGV[2])
end
if ARGV[3] == '2' then
  redis.call('RPUSH', ARGV[5] .. ARGV[2], LEFT)
  redis.call('PEXPIRE', ARGV[5] .. ARGV[2], REMEMBERED)
end
if redis.call('EXISTS', k.queue) == 1 then
  promote(k, tonumber(ARGV[1]), clock(), ARGV[4], ARGV[5], ARGV[6])
end
return held
