--[[
Remember how a limiter is defined, for those who list them; a name stands for one kind. Each call also looks at a few others
that nobody may use any more: so that the list grows with the limiters in use, not with all that ever were.

KEYS
  1 limiters    hash      by name: the millisecond it was last said, the kind and the definition, with bars between
ARGV
  1 name        string
  2 kind        string
  3 definition  string    JSON, with the seconds for which it is remembered unused as "ttl"
  4 ttl         integer   milliseconds the list is remembered
  5 slack       integer   milliseconds for which an entry is kept beyond its own ttl
RETURNS
  the kind that the name stands for
]]
--- @include lib/clock
local LOOK = 3

local known = redis.call('HGET', KEYS[1], ARGV[1])
local kind = known and string.match(known, '^%d+|(%a+)|')
if kind and kind ~= ARGV[2] then return kind end
local now = clock()
local some = redis.call('HRANDFIELD', KEYS[1], LOOK, 'WITHVALUES') or {}
for i = 1, #some, 2 do
  local said, ttl = string.match(some[i + 1], '^(%d+)|.*"ttl":([%d.]+)')
  if now - said > ttl * 1000 + ARGV[5] then redis.call('HDEL', KEYS[1], some[i]) end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. '|' .. ARGV[2] .. '|' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return ARGV[2]
