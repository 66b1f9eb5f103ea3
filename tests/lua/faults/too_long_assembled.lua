--[[
Fault: more than 250 lines with its includes.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
--- @include lib/long0
--- @include lib/long1
--- @include lib/long2
--- @include lib/long3
return redis.call('HGET', KEYS[1], ARGV[1])
