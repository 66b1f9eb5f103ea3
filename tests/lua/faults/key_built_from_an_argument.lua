--[[
Fault: it builds a key from an argument.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
redis.call('GET', KEYS[1])
return redis.call('HGET', 'sb:' .. ARGV[1], 'total')
