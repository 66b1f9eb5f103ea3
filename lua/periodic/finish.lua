--[[
Note how the job of a tick has ended, and enqueue the one that was kept until then.

KEYS
  1 running  hash      by entry: id and begin of the job that may still run
  2 queued   hash      by entry: what is enqueued when that job ends
  3 out      zset      outbox
  4 history  list      the entry's runs, newest first
ARGV
  1 entry    string
  2 jid      string    the job that has ended
  3 ended    string    how
  4 grace    integer   milliseconds the caller has for enqueuing
RETURNS
  what is to be enqueued
]]
--- @include lib/clock
--- @include lib/schedule

local now, items = clock(), {}
for i, line in ipairs(redis.call('LRANGE', KEYS[4], 0, HISTORY - 1)) do
  if string.find(line, '"jid":"' .. ARGV[2] .. '"', 1, true) then
    if not string.find(line, '"ended":', 1, true) then
      local more = ',"ended":"' .. ARGV[3] .. '","ended_at":' .. now .. '}'
      redis.call('LSET', KEYS[4], i - 1, string.sub(line, 1, -2) .. more)
    end
    break
  end
end
if string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(.*)|') == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
  local jid, item = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^(.-)|(.*)$')
  if item then
    redis.call('HDEL', KEYS[2], ARGV[1])
    redis.call('HSET', KEYS[1], ARGV[1], jid .. '|' .. now)
    note(KEYS[3], item, now, ARGV[4])
    items[1] = item
    keep(KEYS[1], KEYS[2])
  end
end
return items
