--[[
Record how a run of a callback ended.

KEYS
  1 record   hash      the batch
  2 ran      string    bitmap
  3 done     string    bitmap
  4 dead     string    bitmap
ARGV
  1 event    string
  2 index    integer   which of the event's callbacks
  3 owner    string    the run, or empty: whoever
  4 outcome  string    done, failed (another run may start) or died
RETURNS
  1 if that was news, else 0
]]
--- @include lib/batch
--- @include lib/clock

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4]}
local b = load_batch(k)
if not b then return 0 end
local field, now = 'run:' .. ARGV[1] .. ':' .. ARGV[2], clock()
touch(k, b, now)
local state = redis.call('HGET', KEYS[1], field)
if state == 'done' then return 0 end
if ARGV[4] == 'failed' then
  if not state or state == 'died' or string.match(state, ':(.*)') ~= ARGV[3] then return 0 end
  return redis.call('HDEL', KEYS[1], field)
end
redis.call('HSET', KEYS[1], field, ARGV[4])
if ARGV[4] == 'done' then
  b.left = redis.call('HINCRBY', KEYS[1], 'left', -1)
  rest(k, b, now)
end
return 1
