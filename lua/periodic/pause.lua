--[[
Let entries rest, or fire again.

KEYS
  1 entries  hash      definitions by name
  2 paused   set       names of entries that rest
ARGV
  1 rest     integer   1 to let them rest, 0 to let them fire
  2... names string
RETURNS
  how many of them are there
]]
--- @include lib/schedule

local count = 0
for i = 2, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call(ARGV[1] == '1' and 'SADD' or 'SREM', KEYS[2], ARGV[i])
    count = count + 1
  end
end
keep(KEYS[2])
return count
