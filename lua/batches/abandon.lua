--[[
Mark a batch broken: a block of it will never close, so that nobody can say whether all members are there.

KEYS
  1 record   hash      the batch
  2 ran      string    bitmap
  3 done     string    bitmap
  4 dead     string    bitmap
  5 holds    zset      open blocks of the shard
  6 out      zset      outbox
  7 failures zset      the newest failures by when they happened
  8 results  hash      what members reported, by position
ARGV
  1 bid      string
  2 token    string    names the block
  3 grace    integer   milliseconds the caller has for performing what is returned
  4 queue    string    where callbacks go that name no queue
  5 ended    integer   1: only if the block's lease has ended; 0: its owner gives it up
RETURNS
  {status, items...}: ok, or kept where there is no such block or it is alive; then outbox items
]]
--- @include lib/batch
--- @include lib/whole
--- @include lib/clock

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], out = KEYS[6], failures = KEYS[7], results = KEYS[8]}
local hold = ARGV[1] .. '|' .. ARGV[2]
local ends, now = redis.call('ZSCORE', KEYS[5], hold), clock()
if not ends or (ARGV[5] == '1' and tonumber(ends) > now) then return {'kept'} end
redis.call('ZREM', KEYS[5], hold)
local b, items = load_batch(k), {'ok'}
if b then
  redis.call('HSET', KEYS[1], 'broken', 1)
  redis.call('HINCRBY', KEYS[1], 'open', -1)
  live(k, b, math.max(b.ttl, KEEP_DEAD))
  if not b.death then happen(k, b, ARGV[1], 'death', now, ARGV[3], ARGV[4], items) end
end
return items
