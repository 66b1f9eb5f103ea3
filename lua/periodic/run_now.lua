--[[
Have a job of a schedule enqueued out of turn, by who fires it.

KEYS
  1 out      zset      outbox
  2 history  list      the entry's runs, newest first
ARGV
  1 item     string    what is to be enqueued
  2 line     string    of its history, without its end
  3 channel  string    where those listen who fire the schedule
RETURNS
  1, or 0 where this was said before
]]
--- @include lib/clock
--- @include lib/schedule

if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
for _, line in ipairs(redis.call('LRANGE', KEYS[2], 0, HISTORY - 1)) do
  if string.sub(line, 1, #ARGV[2]) == ARGV[2] then return 0 end
end
local now = clock()
note(KEYS[1], ARGV[1], now, 0)
remember(KEYS[2], ARGV[2], 'run now', now)
redis.call('PUBLISH', ARGV[3], 'run now')
return 1
