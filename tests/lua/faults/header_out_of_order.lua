--[[
Fault: two keys have the same number.

KEYS
  1 record   hash      the batch
  1 ran      string    bitmap
ARGV
  1 bid      string
RETURNS
  what it found
]]
return redis.call('HGET', KEYS[1], ARGV[1])
