--[[
Fault: it never reads an argument that the header names.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
return redis.call('GET', KEYS[1])
