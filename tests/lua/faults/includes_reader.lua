--[[
Includes a library with a fault.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
--- @include lib/reads_keys
return redis.call('HGET', record(), ARGV[1])
