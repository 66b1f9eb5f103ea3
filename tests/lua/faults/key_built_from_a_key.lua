--[[
Fault: it builds a key from a key.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
return redis.call('GET', KEYS[1] .. ':' .. ARGV[1])
