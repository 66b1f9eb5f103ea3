--[[
Fault: a flag that does not exist.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
RESENT no
]]
return redis.call('HGET', KEYS[1], ARGV[1])
