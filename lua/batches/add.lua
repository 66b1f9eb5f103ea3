--[[
Reserve places for members in a batch that this block holds open.

KEYS
  1 record   hash      the batch
  2 ran      string    bitmap
  3 done     string    bitmap
  4 dead     string    bitmap
  5 holds    zset      open blocks of the shard
ARGV
  1 bid      string
  2 token    string    names the block
  3 step     integer   counts the block's reservations: the same one twice is one
  4 n        integer   places
  5 lease    integer   milliseconds the block stays open from now on
RETURNS
  {status, base}: ok and the first position; or missing, broken (its lease ended), conflict (same step, other n)
]]
--- @include lib/reserve

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4]}
local b = load_batch(k)
if not b then return {'missing', 0} end
local hold = ARGV[1] .. '|' .. ARGV[2]
if not redis.call('ZSCORE', KEYS[5], hold) then return {'broken', 0} end
local field = 'block:' .. ARGV[2]
local last = redis.call('HGET', KEYS[1], field)
if last then
  local step, base, n = string.match(last, '(%d+):(%d+):(%d+)')
  if step == ARGV[3] then
    if n ~= ARGV[4] then return {'conflict', 0} end
    return {'ok', tonumber(base)}
  end
end
local now = clock()
local base = reserve(k, b, now, tonumber(ARGV[4]))
redis.call('HSET', KEYS[1], field, ARGV[3] .. ':' .. base .. ':' .. ARGV[4])
redis.call('ZADD', KEYS[5], 'XX', now + ARGV[5], hold)
return {'ok', base}
