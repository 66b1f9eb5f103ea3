--[[
Ask to run a callback: one run at a time, none after one that succeeded.

KEYS
  1 record   hash      the batch
ARGV
  1 event    string
  2 index    integer   which of the event's callbacks
  3 owner    string    this run
  4 lease    integer   milliseconds after which another run may start
RETURNS
  0 go on; -1 it has run already; -2 there is no such batch; else milliseconds to wait for the run that is going on
]]
--- @include lib/clock

if redis.call('EXISTS', KEYS[1]) == 0 then return -2 end
local field, now = 'run:' .. ARGV[1] .. ':' .. ARGV[2], clock()
local state = redis.call('HGET', KEYS[1], field)
if state == 'done' then return -1 end
if state and state ~= 'died' then
  local ends, owner = string.match(state, '(%d+):(.*)')
  if owner ~= ARGV[3] and tonumber(ends) > now then return tonumber(ends) - now end
end
redis.call('HSET', KEYS[1], field, (now + ARGV[4]) .. ':' .. ARGV[3])
return 0
