--[[
Fault: it sets a global.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
found = redis.call('HGET', KEYS[1], ARGV[1])
return found
