--[[
Fault: it unpacks as many arguments as there may be.

KEYS
  1 record   hash      the batch
ARGV
  1... names string
RETURNS
  what it found
]]
return redis.call('HMGET', KEYS[1], unpack(ARGV))
