--[[
Fault: it sets a global function.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
function find()
  return redis.call('HGET', KEYS[1], ARGV[1])
end
return find()
