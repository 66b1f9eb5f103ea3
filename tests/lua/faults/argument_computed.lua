--[[
Fault: it computes the number of a key, but the header names no rest.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
local n = 1
return redis.call('HGET', KEYS[n], ARGV[1] .. KEYS[1])
