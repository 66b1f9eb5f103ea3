--[[
Fault: it touches a key that was not declared, here by the name it is given.

KEYS
  1 record   string
ARGV
  1 bid      string
RETURNS
  what it found
]]
redis.call('GET', KEYS[1])
return redis.call('GET', ARGV[1])
