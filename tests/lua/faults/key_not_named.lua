--[[
Fault: it reads a key that the header does not name.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
redis.call('DEL', KEYS[2])
return redis.call('HGET', KEYS[1], ARGV[1])
