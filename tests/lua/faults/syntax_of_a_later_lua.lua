--[[
Fault: goto came with Lua 5.2.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
goto done
::done::
return redis.call('HGET', KEYS[1], ARGV[1])
