--[[
Fault: loadstring is banned.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
return loadstring(ARGV[1])(KEYS[1])
