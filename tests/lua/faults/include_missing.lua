--[[
Fault: what it includes is not there.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
--- @include lib/nowhere
return redis.call('HGET', KEYS[1], ARGV[1])
