--[[
Fault: it reads its key in a comment and in a text only.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
-- KEYS[1]
local text = 'KEYS[1]'
return text .. ARGV[1]
