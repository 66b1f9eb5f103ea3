--[[
Fault: it builds a key from another argument than the one it declares.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
  2 wake     string    prefix
RETURNS
  what it found
UNDECLARED wake
]]
redis.call('GET', KEYS[1])
return redis.call('GET', ARGV[1] .. ARGV[2])
