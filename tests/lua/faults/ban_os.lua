--[[
Fault: os is banned.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
return redis.call('HSET', KEYS[1], ARGV[1], os.time())
