--[[
Put jobs that this process could not finish back to the front of their queues, each once.

KEYS
  1 inflight   list      what this process holds
  2... queue   list      one per queue
ARGV
  1... jobs    string    two per job, newest first: number of its queue, from 1, and payload as fetched
RETURNS
  how many were put back
SLOTS many
]]
--- @include lib/return_jobs

return return_jobs(KEYS[1], function(number) return KEYS[1 + number] end, ARGV)
