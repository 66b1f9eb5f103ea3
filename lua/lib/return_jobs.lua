-- Take jobs back from a process to the front of their queues, each only if it is still in flight.
-- `jobs` is flat: number of the queue, payload; `queue_of` gives the key of a queue by its number. How many there were.
local function return_jobs(inflight, queue_of, jobs)
  local count = 0
  for i = 1, #jobs, 2 do
    if redis.call('LREM', inflight, -1, jobs[i + 1]) == 1 then
      redis.call('RPUSH', queue_of(tonumber(jobs[i])), jobs[i + 1])
      count = count + 1
    end
  end
  return count
end
