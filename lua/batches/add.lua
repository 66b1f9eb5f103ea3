--[[
Reserve places for members in a batch that this block holds open.

KEYS
  1 record    hash      the batch
  2 ran       string    bitmap
  3 done      string    bitmap
  4 dead      string    bitmap
  5 holds     zset      open blocks of the shard
  6 out       zset      outbox
  7 failures  zset      the newest failures by when they happened
  8 results   hash      what members reported, by position
  9 receipt   string    says that this has been: the first position
ARGV
  1 bid       string
  2 token     string    names the block
  3 n         integer   places
  4 lease     integer   milliseconds the block stays open from now on, and the receipt is kept
RETURNS
  {status, base}: ok and the first position; or missing, broken (its lease ended)
]]
--- @include lib/reserve

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], out = KEYS[6], failures = KEYS[7], results = KEYS[8]}
local b = load_batch(k)
if not b then return {'missing', 0} end
local hold = ARGV[1] .. '|' .. ARGV[2]
if not redis.call('ZSCORE', KEYS[5], hold) then return {'broken', 0} end
local before = redis.call('GET', KEYS[9])
if before then return {'ok', tonumber(before)} end
local now = clock()
local base = reserve(k, ARGV[1], b, now, tonumber(ARGV[3]))
redis.call('SET', KEYS[9], base, 'PX', ARGV[4])
redis.call('ZADD', KEYS[5], 'XX', now + ARGV[4], hold)
return {'ok', base}
