--[[
Fault: what it includes includes itself.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
--- @include lib/round
return redis.call('HGET', KEYS[1], ARGV[1])
