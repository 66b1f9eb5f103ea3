--[[
Fault: sha1hex is banned.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
return redis.call('HGET', KEYS[1], redis.sha1hex(ARGV[1]))
