--[[
Fault: a flag with a value that it does not have.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
RESEND never
]]
return redis.call('HGET', KEYS[1], ARGV[1])
