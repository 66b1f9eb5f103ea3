--[[
Fault: it does not say what it returns.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
]]
return redis.call('HGET', KEYS[1], ARGV[1])
