--[[
Fault: the header names a rest that is not read.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
  2... pairs string
RETURNS
  what it found
]]
return redis.call('HGET', KEYS[1], ARGV[1])
