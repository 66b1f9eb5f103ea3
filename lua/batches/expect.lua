--[[
Have a place of a batch stand for another batch, or for a tracked job, which it waits for.

KEYS
  1 record    hash      the batch that waits
ARGV
  1 place     integer   its place for the other
  2 awaited   string    the other's id, without a space
RETURNS
  1 if that is news, 0 where it was known or the batch is gone
]]
local awaits = redis.call('HMGET', KEYS[1], 'total', 'awaits')
local entry = ARGV[1] .. ':' .. ARGV[2]
if not awaits[1] or string.find(' ' .. (awaits[2] or '') .. ' ', ' ' .. entry .. ' ', 1, true) then return 0 end
redis.call('HSET', KEYS[1], 'awaits', (awaits[2] and awaits[2] .. ' ' or '') .. entry)
-- It counts like a child: what is counted of jobs leaves it out.
redis.call('HINCRBY', KEYS[1], 'children', 1)
return 1
