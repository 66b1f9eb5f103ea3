--[[
Fault: its keys lie in two slots.

KEYS
  1 record   string
  2 other    string
ARGV
  1 bid      string
RETURNS
  what it found
]]
redis.call('SET', KEYS[1], ARGV[1], 'PX', 1000)
return redis.call('SET', KEYS[2], ARGV[1], 'PX', 1000)
