--[[
Let entries rest, or fire again. Ticks that came while an entry rested are gone, also where nobody was there to move it past them.

KEYS
  1 entries  hash      definitions by name
  2 due      zset      entries by the millisecond of their next tick
  3 paused   set       names of entries that rest
ARGV
  1 rest     integer   1 to let them rest, 0 to let them fire
  2... places string   two per entry: name; the millisecond of the first tick from now on, empty for one that is to rest
RETURNS
  how many of them are there
]]
--- @include lib/clock
--- @include lib/schedule

local count, now = 0, clock()
for i = 2, #ARGV, 2 do
  local name = ARGV[i]
  if redis.call('HEXISTS', KEYS[1], name) == 1 then
    count = count + 1
    if ARGV[1] == '1' then
      redis.call('SADD', KEYS[3], name)
    elseif redis.call('SREM', KEYS[3], name) == 1 and tonumber(redis.call('ZSCORE', KEYS[2], name) or now + 1) <= now then
      redis.call('ZADD', KEYS[2], ARGV[i + 1], name)
    end
  end
end
keep(KEYS[2], KEYS[3])
return count
