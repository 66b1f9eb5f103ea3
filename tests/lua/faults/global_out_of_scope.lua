--[[
Fault: a local is read after its block has ended.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
do
  local found = redis.call('HGET', KEYS[1], ARGV[1])
end
return found
