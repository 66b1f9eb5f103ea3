--[[
Add up what a process has counted of a limiter: in all, and in its minute. A count that cannot be written is left out.

KEYS
  1 counts   hash      totals by the number of what is counted
  2 minutes  hash      480 places for minutes, used in turn: the minute and its numbers, with colons between
ARGV
  1 age       integer  milliseconds since it was counted
  2 ttl       integer  milliseconds an unused limiter is remembered
  3... numbers integer what to add, in the order of their numbers
RETURNS
  1 if it was written, else 0
RESEND no
]]
--- @include lib/clock
local PLACES, MINUTE = 480, 60000

local minute = math.floor((clock() - ARGV[1]) / MINUTE)
local place, sums = minute % PLACES, {}
for word in string.gmatch(redis.call('HGET', KEYS[2], place) or '', '%d+') do sums[#sums + 1] = word end
if tonumber(sums[1]) ~= minute then sums = {minute} end

local row = {string.format('%.0f', minute)}
for n = 3, #ARGV do
  row[n - 1] = string.format('%.0f', (sums[n - 1] or 0) + ARGV[n])
  -- A full server refuses the first one.
  if ARGV[n] ~= '0' and type(redis.pcall('HINCRBY', KEYS[1], n - 2, ARGV[n])) == 'table' then return 0 end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], place, table.concat(row, ':'))
redis.call('PEXPIRE', KEYS[2], PLACES * MINUTE)
return 1
