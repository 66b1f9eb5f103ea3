--[[
Become the leader of a schedule if there is none, or stay it.

KEYS
  1 leader   hash      who leads, and under which term; it is gone when the lease has ended
  2 term     string    the newest term
ARGV
  1 owner    string    the one that asks
  2 lease    integer   milliseconds it leads without asking again
RETURNS
  {term, left, now}: the term if it leads, else 0; milliseconds of the leader's lease; the server's milliseconds
]]
--- @include lib/clock
--- @include lib/schedule

local now = clock()
local held = redis.call('HMGET', KEYS[1], 'owner', 'term', 'lease')
if held[1] and held[1] ~= ARGV[1] then
  -- Set back, the clock makes a lease longer than it was given: it is cut to what its holder relies on.
  local left, lease = redis.call('PTTL', KEYS[1]), tonumber(held[3])
  if left > lease then
    redis.call('PEXPIRE', KEYS[1], lease)
    left = lease
  end
  return {0, left, now}
end
local term = held[2]
if not term then
  term = redis.call('INCR', KEYS[2])
  redis.call('PEXPIRE', KEYS[2], KEEP)
  redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'term', term, 'since', now)
end
redis.call('HSET', KEYS[1], 'lease', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {tonumber(term), tonumber(ARGV[2]), now}
