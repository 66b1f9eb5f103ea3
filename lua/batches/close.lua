--[[
End a block that held a batch open, and decide what that brings about.

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
RETURNS
  {status, items...}: ok, or broken where the block was closed before or its lease had ended; then outbox items
]]
--- @include lib/batch
--- @include lib/whole
--- @include lib/clock

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], out = KEYS[6], failures = KEYS[7], results = KEYS[8]}
if redis.call('ZREM', KEYS[5], ARGV[1] .. '|' .. ARGV[2]) == 0 then return {'broken'} end
local b = load_batch(k)
if not b then return {'missing'} end
b.open = redis.call('HINCRBY', KEYS[1], 'open', -1)
local now, items = clock(), {'ok'}
touch(k, b, now)
decide(k, b, ARGV[1], now, ARGV[3], ARGV[4], items)
return items
