--[[
Forget a batch, and settle it in its parent: as done if it succeeded or was invalidated, else as dead.

KEYS
  1 record    hash      the batch
  2 ran       string    bitmap
  3 done      string    bitmap
  4 dead      string    bitmap
  5 index     zset      batches of the shard
  6 out       zset      outbox
  7 failures  zset      the newest failures by when they happened
  8 results   hash      what members reported, by position
  9 runs      hash      the runs of members, by position
ARGV
  1 bid       string
  2 grace     integer   milliseconds the caller has for performing what is returned
RETURNS
  outbox items
]]
--- @include lib/clock
--- @include lib/family

local k, items, now = {record = KEYS[1], out = KEYS[6]}, {}, clock()
local v = redis.call('HMGET', KEYS[1], 'parent', 'place', 'invalidated_at', 'success_at', 'waiters')
-- The record that says where its places are goes, so the items say it. Also where it has told: its item may still be on its way.
local places = (v[1] and v[1] .. ':' .. v[2] .. ' ' or '') .. (v[5] or '')
for above, place in string.gmatch(places, '([^: ]+):(%d+)') do
  note(k, table.concat({'batch', 'settle', above, place, (v[3] or v[4]) and 'done' or 'dead'}, '|'), now, ARGV[2], items)
end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[7], KEYS[8], KEYS[9])
redis.call('ZREM', KEYS[5], ARGV[1])
return items
