--[[
Say whether a batch, or one above it, is no longer wanted.

KEYS
  1 record       hash      the batch
  2 invalidated  zset      batches of the shard that are not wanted, by when that was said
ARGV
  1 bid          string
RETURNS
  1 or 0
]]
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 1 end
for above in string.gmatch(redis.call('HGET', KEYS[1], 'path') or '', '[^,]+') do
  if redis.call('ZSCORE', KEYS[2], above) then return 1 end
end
return 0
