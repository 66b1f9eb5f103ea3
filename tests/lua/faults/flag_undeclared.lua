--[[
Fault: the prefix of undeclared keys is no argument.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
UNDECLARED wake
]]
return redis.call('HGET', KEYS[1], ARGV[1])
