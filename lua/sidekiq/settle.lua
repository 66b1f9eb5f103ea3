--[[
Acknowledge jobs that have ended: strike each off the in-flight list, keep what is to be kept, count.

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
ARGV
  1... jobs        string    five per job: payload as fetched, verb, payload to keep, seconds until it runs again, failure
RETURNS
  how many of them were still in flight
SLOTS many
]]
--- @include lib/clock
--- @include lib/finish

local _, count = finish_jobs({inflight = KEYS[1], retry = KEYS[2], dead = KEYS[3], later = KEYS[4], processed = KEYS[5],
  failed = KEYS[6], processed_day = KEYS[7], failed_day = KEYS[8], failures = KEYS[9]}, clock(), ARGV)
return count
