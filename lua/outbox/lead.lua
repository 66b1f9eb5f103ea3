--[[
Become or stay the one process that delivers what others left behind.

KEYS
  1 reaper  string    who it is
ARGV
  1 owner   string    this process
  2 lease   integer   milliseconds it stays so without asking again
RETURNS
  1 if it is this process, else 0
]]
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
