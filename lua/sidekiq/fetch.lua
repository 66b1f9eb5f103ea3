--[[
Take jobs from queues in the order given, oldest first, into the in-flight list of this process.

KEYS
  1 inflight   list      what this process holds
  2 workers    set       identities of all that may hold jobs
  3 paused     set       names of queues that rest
  4 unwanted   string    changes when jobs that wait may have become unwanted
  5... queue   list      one per name
ARGV
  1 identity   string    this process
  2 limit      integer   jobs at most
  3... names   string    queue names, in the order of their keys
RETURNS
  {held, paused, jobs, unwanted}: how many jobs the in-flight list has now; numbers of queues that rest, from 1; per job
  taken the number of its queue and its payload; the value of that key, or empty
RESEND no
SLOTS many
]]
local free = tonumber(ARGV[2])
assert(free and free >= 0 and free <= 200, 'a limit is a number from 0 to 200')
local paused, jobs = {}, {}
for i = 5, #KEYS do
  if redis.call('SISMEMBER', KEYS[3], ARGV[i - 2]) == 1 then
    paused[#paused + 1] = i - 4
  elseif free > 0 then
    -- Not LMOVE: a full server refuses that, and could never be emptied.
    local taken = redis.call('RPOP', KEYS[i], free)
    if taken then
      redis.call('LPUSH', KEYS[1], unpack(taken))
      free = free - #taken
      for _, payload in ipairs(taken) do
        jobs[#jobs + 1] = i - 4
        jobs[#jobs + 1] = payload
      end
    end
  end
end
if #jobs > 0 then
  -- Whoever holds something is listed, whatever happened to the list before: so the jobs of the dead are found.
  redis.call('SADD', KEYS[2], ARGV[1])
end
return {redis.call('LLEN', KEYS[1]), paused, jobs, redis.call('GET', KEYS[4]) or ''}
