--[[
Remember how a limiter is defined, for those who list them; a name stands for one kind.

KEYS
  1 limiters    hash      by name: the millisecond it was last said, the kind and the definition, with bars between
ARGV
  1 name        string
  2 kind        string
  3 definition  string    JSON
  4 ttl         integer   milliseconds the list is remembered
RETURNS
  the kind that the name stands for
]]
--- @include lib/clock

local known = redis.call('HGET', KEYS[1], ARGV[1])
local kind = known and string.match(known, '^%d+|(%a+)|')
if kind and kind ~= ARGV[2] then return kind end
redis.call('HSET', KEYS[1], ARGV[1], clock() .. '|' .. ARGV[2] .. '|' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return ARGV[2]
