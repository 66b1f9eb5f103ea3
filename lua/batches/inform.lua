--[[
Have a batch tell another, which waits for it, what becomes of it; and what has become of it already.

KEYS
  1 record    hash      the batch
  2 out       zset      outbox
ARGV
  1 bid       string
  2 waiter    string    the other's id and its place for this one, joined by a colon
  3 grace     integer   milliseconds the caller has for performing what is returned
RETURNS
  {status, items...}: ok or missing; then outbox items
]]
--- @include lib/clock
--- @include lib/family

local told = redis.call('HMGET', KEYS[1], 'total', 'waiters', 'told:ran', 'told:done', 'told:dead', 'told:death')
if not told[1] then return {'missing'} end
if not string.find(' ' .. (told[2] or '') .. ' ', ' ' .. ARGV[2] .. ' ', 1, true) then
  redis.call('HSET', KEYS[1], 'waiters', (told[2] and told[2] .. ' ' or '') .. ARGV[2])
end
local k, now, items = {record = KEYS[1], out = KEYS[2]}, clock(), {'ok'}
for i, what in ipairs({'ran', 'done', 'dead', 'death'}) do
  if told[i + 2] then note(k, 'batch|up|' .. ARGV[1] .. '|' .. what, now, ARGV[3], items) end
end
return items
