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
--- @include lib/invalidated

return is_invalidated(KEYS[1], KEYS[2], ARGV[1]) and 1 or 0
