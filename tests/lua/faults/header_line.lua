--[[
Fault: a key without a type.

KEYS
  1 record
ARGV
  1 bid      string
RETURNS
  what it found
]]
return redis.call('HGET', KEYS[1], ARGV[1])
