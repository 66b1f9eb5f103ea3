--[[
Fault: it reads an argument that the header does not name.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
return redis.call('HGET', KEYS[1], ARGV[1] .. ARGV[2])
