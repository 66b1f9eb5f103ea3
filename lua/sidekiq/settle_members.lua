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
  9 batch_record   hash      the batch
  10 batch_ran     string    bitmap
  11 batch_done    string    bitmap
  12 batch_dead    string    bitmap
  13 batch_out     zset      outbox
  14 batch_failures zset     the newest failures by when they happened
  15 batch_results hash      what members reported, by position
ARGV
  1 bid            string
  2 queue          string    where callbacks go that name no queue
  3 grace          integer   milliseconds the caller has for performing what is returned
  4... jobs        string    seven per job: payload, verb, payload to keep, seconds (as for settle); position, s f d, failure
RETURNS
  {news, items...}: how many of the jobs were still in flight; outbox items
SLOTS many
]]
--- @include lib/finish
--- @include lib/members

local jobs, outcomes, count = {}, {}, 0
for i = 4, #ARGV, 7 do
  for part = 0, 3 do jobs[#jobs + 1] = ARGV[i + part] end
end
local news = finish_jobs({
  inflight = KEYS[1], retry = KEYS[2], dead = KEYS[3], schedule = KEYS[4],
  processed = KEYS[5], failed = KEYS[6], processed_day = KEYS[7], failed_day = KEYS[8],
}, clock(), jobs)
for n, removed in ipairs(news) do
  -- Of a job that is somebody else's now only success is news: how it fails is for the other to say.
  if removed or ARGV[2 + n * 7] == 's' then
    for part = 1, 3 do outcomes[#outcomes + 1] = ARGV[n * 7 + part] end
  end
  if removed then count = count + 1 end
end
local batch = {record = KEYS[9], ran = KEYS[10], done = KEYS[11], dead = KEYS[12], out = KEYS[13], failures = KEYS[14],
  results = KEYS[15]}
local items = acknowledge(batch, ARGV[1], ARGV[2], ARGV[3], outcomes)
return {count, unpack(items)}
