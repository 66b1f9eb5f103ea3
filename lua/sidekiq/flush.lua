--[[
Register members of a batch and push them, at once or not at all.

KEYS
  1 record       hash      the batch
  2 ran          string    bitmap
  3 done         string    bitmap
  4 dead         string    bitmap
  5 index        zset      batches of the shard
  6 out          zset      outbox
  7 receipt      string    says that this flush has been: its first position
  8 queues       set       names of queues
  9 schedule     zset      jobs that are due later
  10 failures    zset      the batch's newest failures
  11 results     hash      what its members reported
  12... queue    list      one per queue name
ARGV
  1 bid          string
  2 ttl          integer   milliseconds a new batch is kept without activity
  3 inside       integer   1 for a member or a callback
  4 keep         integer   milliseconds the receipt is kept
  5 grace        integer   milliseconds the caller has for performing what is returned
  6 queue        string    where callbacks go that name no queue
  7 nfields      integer   how many of the following are the fields of a new batch's record
  8 nnames       integer   how many after those are queue names, in the order of their keys
  9... rest      string    fields and values; names; then per member where it goes and its payload up to the position
RETURNS
  {status, base, items...}: ok, missing, closed or broken; the first position; outbox items
SLOTS many
]]
--- @include lib/reserve
--- @include lib/enqueue

local k = {record = KEYS[1], ran = KEYS[2], done = KEYS[3], dead = KEYS[4], index = KEYS[5], out = KEYS[6],
  failures = KEYS[10], results = KEYS[11]}
local before = redis.call('GET', KEYS[7])
if before then return {'ok', tonumber(before)} end
local nfields, nnames = tonumber(ARGV[7]), tonumber(ARGV[8])
local fields, members, now = {}, {}, clock()
for i = 9, 8 + nfields do fields[#fields + 1] = ARGV[i] end
for i = 9 + nfields + nnames, #ARGV do members[#members + 1] = ARGV[i] end
local b, refusal = load_or_create(k, ARGV[1], ARGV[2], ARGV[3], fields, now)
if not b then return {refusal, 0} end
local base = reserve(k, ARGV[1], b, now, #members / 2)
redis.call('SET', KEYS[7], base, 'PX', ARGV[4])
for i = 2, #members, 2 do members[i] = members[i] .. (base + i / 2 - 1) .. ']}' end
enqueue(KEYS[8], KEYS[9], function(number) return KEYS[11 + number], ARGV[8 + nfields + number] end, members)
local reply = {'ok', base}
decide(k, b, ARGV[1], now, ARGV[5], ARGV[6], reply)
return reply
