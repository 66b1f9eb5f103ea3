--[[
Put jobs that this process could not finish back to the front of their queues, each once.

KEYS
  1 inflight   list      what this process holds
  2 queues     set       names of queues
  3... queue   list      one per queue
ARGV
  1... rest    string    the queues' names in the order of their keys; then three per job, newest first: number of its queue,
     from 1, payload as fetched, payload to push
RETURNS
  how many were put back
SLOTS many
]]
--- @include lib/return_jobs

local names, jobs = #KEYS - 2, {}
for i = 1 + names, #ARGV do jobs[#jobs + 1] = ARGV[i] end
return return_jobs(KEYS[1], KEYS[2], function(number) return KEYS[2 + number], ARGV[number] end, jobs)
