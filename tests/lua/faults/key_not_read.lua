--[[
Fault: it never reads a key that the header names.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
return ARGV[1]
