--[[
Give the lead of a schedule up, and tell those that wait for it.

KEYS
  1 leader   hash      who leads, and under which term
  2 channel  string    where those listen that take part in the schedule; nothing is stored there
ARGV
  1 owner    string    the one that leads
  2 term     integer   its term
RETURNS
  1 if it led, else 0
]]
local held = redis.call('HMGET', KEYS[1], 'owner', 'term')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', KEYS[2], 'resigned')
return 1
