--[[
Read what is due in a set of waiting jobs.

KEYS
  1 waiting   zset      jobs by the second they are due
ARGV
  1 limit     integer   jobs at most
RETURNS
  {now, next, payloads...}: the server's milliseconds, those until the next job is due or -1 if none waits, what is due
]]
--- @include lib/clock

local now = clock()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.3f', now / 1000), 'LIMIT', 0, ARGV[1])
local later = redis.call('ZRANGE', KEYS[1], #due, #due, 'WITHSCORES')
local wait = -1
if later[2] then
  wait = math.max(0, math.ceil(tonumber(later[2]) * 1000 - now))
end
return {now, wait, unpack(due)}
