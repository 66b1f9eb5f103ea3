--[[
Record what became of members, each outcome once, and decide what that brings about.

KEYS
  1 record     hash      the batch
  2 ran        string    bitmap
  3 done       string    bitmap
  4 dead       string    bitmap
  5 out        zset      outbox
  6 failures   zset      the newest failures by when they happened
  7 results    hash      what members reported, by position
  8 runs       hash      the runs of members, by position
ARGV
  1 bid        string
  2 queue      string    where callbacks go that name no queue
  3 grace      integer   milliseconds the caller has for performing what is returned
  4... outcomes string   three each: position; s succeeded, f will run again, d died; what is kept of a failure, or empty
RETURNS
  outbox items; none where a position cannot be; that the batch is gone
]]
--- @include lib/members

-- Nobody runs what has ended. One that failed may run again by now, and its note stays; but the first write has to be one that a
-- full server allows.
local ended = {}
for i = 4, #ARGV, 3 do ended[#ended + 1] = ARGV[i + 1] == 'f' and '' or ARGV[i] end
redis.call('HDEL', KEYS[8], unpack(ended))
local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], out = KEYS[5], failures = KEYS[6], results = KEYS[7]}
return acknowledge(k, ARGV[1], ARGV[2], ARGV[3], {unpack(ARGV, 4)})
