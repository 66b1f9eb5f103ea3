--[[
Acknowledge members of one batch that have ended: strike them off, keep what is to be kept, count them in the batch too.

KEYS
  1 inflight       list      what this process holds
  2 retry          zset      failed jobs by the second of their next run
  3 dead           zset      jobs that will not run again
  4 schedule       zset      jobs that are due later
  5 processed      string    runs so far
  6 failed         string    failed runs so far
  7 processed_day  string    runs of this day
  8 failed_day     string    failed runs of this day
  9 failures       list      the newest failed runs
  10 batch_record  hash      the batch
  11 batch_ran     string    bitmap
  12 batch_done    string    bitmap
  13 batch_dead    string    bitmap
  14 batch_out     zset      outbox
  15 batch_failures zset    the newest failures by when they happened
  16 batch_results hash      what members reported, by position
ARGV
  1 bid            string
  2 queue          string    where callbacks go that name no queue
  3 grace          integer   milliseconds the caller has for performing what is returned
  4... jobs        string    eight per job: the five of settle; position; s, f or d; failure
RETURNS
  {news, items...}: how many of the jobs were still in flight; outbox items
SLOTS many
]]
--- @include lib/finish
--- @include lib/members

local jobs, outcomes = {}, {}
for i = 4, #ARGV, 8 do
  for part = 0, 4 do jobs[#jobs + 1] = ARGV[i + part] end
end
local news, count = finish_jobs({inflight = KEYS[1], retry = KEYS[2], dead = KEYS[3], later = KEYS[4], processed = KEYS[5],
  failed = KEYS[6], processed_day = KEYS[7], failed_day = KEYS[8], failures = KEYS[9]}, clock(), jobs)
for n, removed in ipairs(news) do
  -- Of a job that is somebody else's now only success is news: how it fails is for the other to say.
  if removed or ARGV[2 + n * 8] == 's' then
    for part = 1, 3 do outcomes[#outcomes + 1] = ARGV[n * 8 + part] end
  end
end
return {count, unpack(acknowledge({record = KEYS[10], ran = KEYS[11], done = KEYS[12], dead = KEYS[13], out = KEYS[14],
  failures = KEYS[15], results = KEYS[16]}, ARGV[1], ARGV[2], ARGV[3], outcomes))}
