--[[
Note that nobody runs a member now, unless another run of it has begun.

KEYS
  1 runs      hash     the runs of members, by position
ARGV
  1 position  integer
  2 run       string   what was noted when this one began
RETURNS
  1 if that was noted
]]

if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
