--[[
Open a batch, new or not, for a block that will be added to in steps: until it closes, nothing is complete.

KEYS
  1 record    hash      the batch
  2 ran       string    bitmap
  3 done      string    bitmap
  4 dead      string    bitmap
  5 index     zset      batches of the shard
  6 holds     zset      open blocks of the shard
ARGV
  1 bid       string
  2 token     string    names the block
  3 lease     integer   milliseconds it stays open without a sign of life
  4 ttl       integer   milliseconds a new batch is kept without activity
  5 inside    integer   1 for a member or a callback
  6 resume    integer   1 to go on with a broken batch
  7... record string    field and value, alternating, of a new batch
RETURNS
  ok, missing, closed or broken
]]
--- @include lib/reserve

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], index = KEYS[5]}
local hold = ARGV[1] .. '|' .. ARGV[2]
if redis.call('ZSCORE', KEYS[6], hold) then return 'ok' end
local now = clock()
local b, refusal = load_or_create(k, ARGV[1], ARGV[4], ARGV[5], {unpack(ARGV, 7)}, now, ARGV[6] == '1')
if not b then return refusal end
redis.call('HDEL', KEYS[1], 'broken')
redis.call('HINCRBY', KEYS[1], 'open', 1)
redis.call('ZADD', KEYS[6], now + ARGV[3], hold)
redis.call('PEXPIRE', KEYS[6], KEEP_SHARD)
return 'ok'
