--[[
Note a run of a member, unless the batch, or one above it, is no longer wanted.

KEYS
  1 record       hash      the batch
  2 invalidated  zset      batches of the shard that are not wanted, by when that was said
  3 runs         hash      the runs of members, by position
ARGV
  1 bid          string
  2 position     integer
  3 run          string    the process, and which run of the member it is
  4 skips        integer   1 if those that are not wanted are left out
RETURNS
  1 if it shall run, 0 if it is not wanted
]]
--- @include lib/invalidated
--- @include lib/longer

if ARGV[4] == '1' and is_invalidated(KEYS[1], KEYS[2], ARGV[1]) then return 0 end
local v = redis.call('HMGET', KEYS[1], 'total', 'ttl')
local position = tonumber(ARGV[2])
if not v[1] or position < 0 or position >= tonumber(v[1]) then return 1 end
redis.call('HSET', KEYS[3], position, ARGV[3])
redis.call('PEXPIRE', KEYS[3], longer(v[2]))
return 1
