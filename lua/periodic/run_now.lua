--[[
Enqueue a job of a schedule out of turn.

KEYS
  1 out      zset      outbox
  2 history  list      the entry's runs, newest first
ARGV
  1 item     string    what is to be enqueued
  2 line     string    of its history, without its end
  3 grace    integer   milliseconds the caller has for enqueuing
RETURNS
  what is to be enqueued; nothing where this was said before
]]
--- @include lib/clock
--- @include lib/schedule

if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {} end
for _, line in ipairs(redis.call('LRANGE', KEYS[2], 0, HISTORY - 1)) do
  if string.sub(line, 1, #ARGV[2]) == ARGV[2] then return {} end
end
local now = clock()
note(KEYS[1], ARGV[1], now, ARGV[3])
remember(KEYS[2], ARGV[2], 'run now', now)
return {ARGV[1]}
