--[[
Take a broken batch as it is: what was to be added and never came is not waited for, and its events are decided.

KEYS
  1 record   hash      the batch
  2 ran      string    bitmap
  3 done     string    bitmap
  4 dead     string    bitmap
  5 out      zset      outbox
  6 failures zset      the newest failures by when they happened
  7 results  hash      what members reported, by position
ARGV
  1 bid      string
  2 grace    integer   milliseconds the caller has for performing what is returned
  3 queue    string    where callbacks go that name no queue
RETURNS
  {status, items...}: ok, kept where it is not broken, or missing; then outbox items
]]
--- @include lib/batch
--- @include lib/whole
--- @include lib/clock

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], out = KEYS[5], failures = KEYS[6], results = KEYS[7]}
local b = load_batch(k)
if not b then return {'missing'} end
if not b.broken then return {'kept'} end
local now, items = clock(), {'ok'}
touch(k, b, now)
redis.call('HDEL', KEYS[1], 'broken')
b.broken = false
decide(k, b, ARGV[1], now, ARGV[2], ARGV[3], items)
return items
