--[[
Stop leading a schedule, and tell those who wait for it.

KEYS
  1 leader   string    owner, term and lease, with bars between
ARGV
  1 mine     string    the same of this process
  2 channel  string    where they listen
RETURNS
  1 if it led, else 0
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], 'resigned')
return 1
