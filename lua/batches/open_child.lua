--[[
Open a batch as the child of another, new or not: a new one takes a member's place there.

KEYS
  1 record         hash      the child
  2 ran            string    bitmap
  3 done           string    bitmap
  4 dead           string    bitmap
  5 index          zset      batches of the shard
  6 holds          zset      open blocks of the shard
  7 parent_record  hash      its parent
  8 parent_ran     string    bitmap
  9 parent_done    string    bitmap
  10 parent_dead   string    bitmap
  11 parent_failures zset    its newest failures
  12 parent_results hash     what its members reported
  13 out           zset      outbox
ARGV
  1 bid            string
  2 token          string    names the block
  3 lease          integer   milliseconds it stays open without a sign of life
  4 ttl            integer   milliseconds a new batch is kept without activity
  5 inside         integer   1 for a member or a callback of the parent
  6 parent         string    the parent's id
  7... fields      string    field and value, alternating, of the new batch
RETURNS
  ok, or what is wrong with the parent: missing, closed or broken
]]
--- @include lib/reserve

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], index = KEYS[5]}
local up = {record = KEYS[7], ran = KEYS[8], done = KEYS[9], dead = KEYS[10], failures = KEYS[11], results = KEYS[12], out = KEYS[13]}
local hold = ARGV[1] .. '|' .. ARGV[2]
if redis.call('ZSCORE', KEYS[6], hold) then return 'ok' end
local now = clock()
local parent, refusal = load_or_create(up, ARGV[6], 0, ARGV[5], {}, now)
if not parent then return refusal end
local fields = {unpack(ARGV, 7)}
local above = redis.call('HGET', up.record, 'path')
local path = above and above .. ',' .. ARGV[6] or ARGV[6]
local place, shortest = reserve(up, ARGV[6], parent, now, 1), math.min(ARGV[4], parent.shortest)
for _, part in ipairs({'parent', ARGV[6], 'path', path, 'place', place, 'shortest', shortest}) do
  fields[#fields + 1] = part
end
redis.call('HINCRBY', up.record, 'children', 1)
load_or_create(k, ARGV[1], ARGV[4], ARGV[5], fields, now)
redis.call('HINCRBY', KEYS[1], 'open', 1)
redis.call('ZADD', KEYS[6], now + ARGV[3], hold)
redis.call('PEXPIRE', KEYS[6], KEEP_SHARD)
return 'ok'
