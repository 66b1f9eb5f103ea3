--[[
Acknowledge members of one batch that have ended: strike them off, keep what is to be kept, count them in the batch too.

KEYS
  1 inflight       list      what this process holds
  2 retry          zset      failed jobs by the second of their next run
  3 dead           zset      jobs that will not run again
  4 processed      string    runs so far
  5 failed         string    failed runs so far
  6 processed_day  string    runs of this day
  7 failed_day     string    failed runs of this day
  8 batch_record   hash      the batch
  9 batch_ran      string    bitmap
  10 batch_done    string    bitmap
  11 batch_dead    string    bitmap
  12 batch_out     zset      outbox
ARGV
  1 bid            string
  2 queue          string    where callbacks go that name no queue
  3 grace          integer   milliseconds the caller has for performing what is returned
  4... jobs        string    six per job: payload, verb, payload to keep, seconds (as for settle); position, s f or d
RETURNS
  {news, items...}: how many of the jobs were still in flight; outbox items
SLOTS many
]]
--- @include lib/finish
--- @include lib/members

local jobs, outcomes = {}, {}
for i = 4, #ARGV, 6 do
  for part = 0, 3 do jobs[#jobs + 1] = ARGV[i + part] end
  outcomes[#outcomes + 1] = ARGV[i + 4]
  outcomes[#outcomes + 1] = ARGV[i + 5]
end
local news = finish_jobs({
  inflight = KEYS[1], retry = KEYS[2], dead = KEYS[3],
  processed = KEYS[4], failed = KEYS[5], processed_day = KEYS[6], failed_day = KEYS[7],
}, clock(), jobs)
local batch = {record = KEYS[8], ran = KEYS[9], done = KEYS[10], dead = KEYS[11], out = KEYS[12]}
local reply = acknowledge(batch, ARGV[1], ARGV[2], ARGV[3], outcomes)
local count = 0
for _, removed in ipairs(news) do count = count + (removed and 1 or 0) end
table.insert(reply, 1, count)
return reply
