--[[
Record how a run of a callback ended, and tell the parent what that means.

KEYS
  1 record   hash      the batch
  2 ran      string    bitmap
  3 done     string    bitmap
  4 dead     string    bitmap
  5 out      zset      outbox
  6 failures zset      the newest failures by when they happened
  7 results  hash      what members reported, by position
ARGV
  1 bid      string
  2 event    string
  3 index    integer   which of the event's callbacks
  4 owner    string    the run, or empty: whoever
  5 outcome  string    done, failed (another run may start) or died
  6 grace    integer   milliseconds the caller has for performing what is returned
RETURNS
  outbox items
]]
--- @include lib/batch
--- @include lib/whole
--- @include lib/clock

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], out = KEYS[5], failures = KEYS[6], results = KEYS[7]}
local items = {}
local b = load_batch(k)
if not b then return items end
local bid, event, outcome, grace, now = ARGV[1], ARGV[2], ARGV[5], ARGV[6], clock()
local field = 'run:' .. event .. ':' .. ARGV[3]
touch(k, b, now)
local state = redis.call('HGET', KEYS[1], field)
if state == 'done' then return items end
if outcome == 'failed' then
  if state and state ~= 'died' and string.match(state, ':(.*)') == ARGV[4] then redis.call('HDEL', KEYS[1], field) end
  return items
end
redis.call('HSET', KEYS[1], field, outcome)
if event == 'death' then return items end  -- it holds nothing back
if outcome == 'died' then
  tell_parent(k, bid, 'ran', now, grace, items)
  tell_parent(k, bid, 'dead', now, grace, items)
else
  b.left = redis.call('HINCRBY', KEYS[1], 'left', -1)
  if event == 'complete' then b.left_complete = redis.call('HINCRBY', KEYS[1], 'left:complete', -1) end
  report(k, b, bid, now, grace, items)
end
return items
