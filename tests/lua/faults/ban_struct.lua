--[[
Fault: struct is banned.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
return struct.pack('I', redis.call('HGET', KEYS[1], ARGV[1]))
