--[[
Read what is due of a schedule, and when the next entry is.

KEYS
  1 due      zset      entries by the millisecond of their next tick
  2 entries  hash      definitions by name
  3 paused   set       names of entries that rest
ARGV
  1 skip     integer   how many of those that are due longest are left out
  2 limit    integer   entries at most
RETURNS
  {now, milliseconds until the next tick or -1, entries...}: four values an entry: name, millisecond, definition, 1 if it rests
]]
--- @include lib/clock

local now = clock()
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', ARGV[1], ARGV[2])
local first = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
local reply = {now, first and first - now or -1}
for i = 1, #found, 2 do
  reply[#reply + 1] = found[i]
  reply[#reply + 1] = found[i + 1]
  reply[#reply + 1] = redis.call('HGET', KEYS[2], found[i]) or ''
  reply[#reply + 1] = redis.call('SISMEMBER', KEYS[3], found[i])
end
return reply
