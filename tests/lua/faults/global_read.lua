--[[
Fault: a slip of the pen reads a global.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
local now = 1
local function inner()
  return nwo
end
return redis.call('HSET', KEYS[1], ARGV[1], inner() or now)
