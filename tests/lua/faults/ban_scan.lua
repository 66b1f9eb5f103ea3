--[[
Fault: scan is banned.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
return redis.pcall('SCAN', 0, 'MATCH', ARGV[1] .. KEYS[1])
