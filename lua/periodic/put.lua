--[[
Write entries of a schedule down, new or changed.

KEYS
  1 entries  hash      definitions by name
  2 due      zset      entries by the millisecond of their next tick
  3 meta     hash      number of the last deploy
ARGV
  1 deploy   integer   of which deploy this is part; 0 where of none
  2... rest  string    three per entry: name; definition; the millisecond of the next tick, empty to leave it as it is where
                       there is one, + and milliseconds to move that on by, - for an entry that does not fire
RETURNS
  how many were new; -1 where a later deploy has begun; -2 where part of none, and file or code has one of them
]]
--- @include lib/schedule

if is_superseded(KEYS[3], ARGV[1]) then return -1 end
for i = 2, #ARGV, 3 do
  if is_theirs(KEYS[1], ARGV[i], ARGV[1]) then return -2 end
end
local new = 0
for i = 2, #ARGV, 3 do
  local moved = string.match(ARGV[i + 2], '^%+(-?%d+)$')
  local is_same = redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1]
  new = new + redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  if ARGV[i + 2] == '-' then
    redis.call('ZREM', KEYS[2], ARGV[i])
  elseif moved then
    -- Sent twice, it is moved once.
    if not is_same and redis.call('ZSCORE', KEYS[2], ARGV[i]) then redis.call('ZINCRBY', KEYS[2], moved, ARGV[i]) end
  elseif ARGV[i + 2] ~= '' then
    redis.call('ZADD', KEYS[2], ARGV[i + 2], ARGV[i])
  end
end
keep(KEYS[1], KEYS[2])
return new
