--[[
Give up places whose jobs were never published, or are lost: they count for nothing, and nobody else gets them.

KEYS
  1 record   hash      the batch
  2 ran      string    bitmap
  3 done     string    bitmap
  4 dead     string    bitmap
  5 index    zset      batches of the shard
  6 holds    zset      open blocks of the shard
  7 out      zset      outbox
  8 failures zset      the newest failures by when they happened
  9 results  hash      what members reported, by position
ARGV
  1 bid      string
  2 token    string    names the only block of a batch that is forgotten if nothing else is in it; else empty
  3 grace    integer   milliseconds the caller has for performing what is returned
  4 queue    string    where callbacks go that name no queue
  5 lost     integer   1: also those whose job has run and failed, for it will not run again
  6... positions integer  at most 1,000
RETURNS
  {status, items...}: ok, forgotten or missing; then outbox items
]]
--- @include lib/members
--- @include lib/whole

-- A place is not handed out again, for its job may be there after all: then its outcomes are no news. A place whose job
-- has had an outcome was published, whatever the publisher saw; only who knows that it is lost may give it up.
local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], out = KEYS[7], failures = KEYS[8], results = KEYS[9]}
local b, bid, places = load_batch(k), ARGV[1], {}
if not b then return {'missing'} end
for i = 6, #ARGV do
  places[#places + 1] = ARGV[i]
  places[#places + 1] = 'c'
  places[#places + 1] = ''
end
assert(#places <= 3000 and are_positions(b, places), 'expected at most 1,000 positions of the batch')
local now, cancelled, items = clock(), 0, {'ok'}
touch(k, b, now)
for i = 1, #places, 3 do
  local is_new = redis.call('SETBIT', k.ran, places[i], 1) == 0
  if is_new then b.ran = b.ran + 1 end
  if (is_new or ARGV[5] == '1') and redis.call('GETBIT', k.dead, places[i]) == 0 then
    if redis.call('SETBIT', k.done, places[i], 1) == 0 then cancelled = cancelled + 1 end
  end
end
b.done = b.done + cancelled
redis.call('HSET', k.record, 'ran', b.ran, 'done', b.done)
redis.call('HINCRBY', k.record, 'rate_done', cancelled)
cancelled = redis.call('HINCRBY', k.record, 'cancelled', cancelled)
local hold = bid .. '|' .. ARGV[2]
if cancelled == b.total and b.open == 1 and redis.call('ZSCORE', KEYS[6], hold) then
  redis.call('DEL', k.record, k.ran, k.done, k.dead)
  redis.call('ZREM', KEYS[5], bid)
  redis.call('ZREM', KEYS[6], hold)
  return {'forgotten'}
end
decide(k, b, bid, now, ARGV[3], ARGV[4], items)
return items
