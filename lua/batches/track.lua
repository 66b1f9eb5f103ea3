--[[
Begin to remember what becomes of one job: a batch of its own, which is on no list.

KEYS
  1 record   hash      the batch
  2 ran      string    bitmap
  3 done     string    bitmap
  4 dead     string    bitmap
ARGV
  1 ttl      integer   milliseconds it is kept until the job has ended
  2 linger   integer   milliseconds it is kept after the job succeeded
RETURNS
  1 if that is news, else 0
]]
--- @include lib/reserve

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4]}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local now = clock()
create(k, '', ARGV[1], {'linger', ARGV[2]}, now)
reserve(k, '', load_batch(k), now, 1)
return 1
