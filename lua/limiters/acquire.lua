--[[
Take a slot of a concurrent limiter, or a place in its queue.

KEYS
  1 leases   zset      tickets of holders by the millisecond their lease ends
  2 queue    zset      tickets of waiters in the order they came
  3 meta     hash      the last fence, and how many slots were reclaimed
ARGV
  1 size     integer   slots
  2 ticket   string    process.number.lock: names this attempt; the same one sent again keeps its place
  3 process  string    of the ticket
  4 lock     integer   milliseconds the lease lasts, as in the ticket
  5 wait     integer   milliseconds the caller would wait; 0 takes no place in the queue
  6 ttl      integer   milliseconds an unused limiter is remembered
  7 wake     string    prefix of the waiters' lists
  8 channel  string    prefix of the processes' channels
RETURNS
  the fence if a slot was taken; 0 if this process must show that it is there first; minus the milliseconds after which to
  ask again, at the latest: until then a slot arrives in the waiter's list. Where it is refused {minus the milliseconds until
  the first lease ends, slots used, others that wait}. To one that has left, which this call is too late for, -1
UNDECLARED wake
]]
--- @include lib/slots

local k = {leases = KEYS[1], queue = KEYS[2], meta = KEYS[3]}
local size, ticket, ttl = tonumber(ARGV[1]), ARGV[2], ARGV[6]
local now, lock = clock(), tonumber(ARGV[4])
local held = redis.call('ZCARD', k.leases)
if held >= size or redis.call('EXISTS', k.queue, ARGV[7] .. ticket) > 0 then
  if redis.call('LINDEX', ARGV[7] .. ticket, 0) == LEFT then return -1 end
  if held >= size then
    local dead = redis.call('ZREMRANGEBYSCORE', k.leases, '-inf', now)
    if dead > 0 then redis.call('HINCRBY', k.meta, 'reclaimed', dead) end
  end
  held = promote(k, size, now, ttl, ARGV[7], ARGV[8])
  -- One that holds a slot already, handed over while it waited or taken by a call whose reply was lost, begins it now.
  if held >= size and not redis.call('ZSCORE', k.leases, ticket) then
    local first, wait = first_end(k, now) - now, tonumber(ARGV[5])
    if wait <= 0 then
      local waiting = redis.call('ZCARD', k.queue)
      if waiting > 0 and redis.call('ZSCORE', k.queue, ticket) then waiting = waiting - 1 end
      return {-math.max(1, first), held, waiting}
    end
    if not is_there(ARGV[8], ARGV[3]) then return 0 end
    if not redis.call('ZSCORE', k.queue, ticket) then
      redis.call('ZADD', k.queue, redis.call('HINCRBY', k.meta, 'arrivals', 1), ticket)
      redis.call('PEXPIRE', k.queue, ttl)
      redis.call('PEXPIRE', k.meta, ttl)
    end
    local pause = math.max(2000, 42 * redis.call('ZCARD', k.queue))
    if redis.call('ZRANK', k.queue, ticket) < 4 then pause = math.min(pause, math.max(1, first)) end
    return -math.min(wait, pause)
  end
end
lease(k, ticket, now, lock, ttl)
return next_fence(k, ttl)
