--[[
Write entries of a schedule down, new or changed.

KEYS
  1 entries  hash      definitions by name
  2 due      zset      entries by the millisecond of their next tick
ARGV
  1... rest  string    three per entry: name; definition; the millisecond of the next tick, empty to leave it as it is where
                       there is one, - for an entry that does not fire
RETURNS
  how many were new
]]
--- @include lib/schedule

local new = 0
for i = 1, #ARGV, 3 do
  new = new + redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  if ARGV[i + 2] == '-' then
    redis.call('ZREM', KEYS[2], ARGV[i])
  elseif ARGV[i + 2] ~= '' then
    redis.call('ZADD', KEYS[2], ARGV[i + 2], ARGV[i])
  end
end
keep(KEYS[1], KEYS[2])
return new
