--[[
Fault: it builds a key and gives it a name.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
local record = KEYS[1] .. ':' .. ARGV[1]
return redis.call('GET', record)
