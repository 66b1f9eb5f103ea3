-- Take jobs back from a process to the front of their queues, each only if it is still in flight.
-- `jobs` is flat: number of the queue, payload as fetched, payload to push; `queue_of` gives the key and the name of a queue
-- by its number. A queue that was cleared meanwhile is listed again in `queues`. How many there were.
local function return_jobs(inflight, queues, queue_of, jobs)
  local count = 0
  for i = 1, #jobs, 3 do
    if redis.call('LREM', inflight, -1, jobs[i + 1]) == 1 then
      local key, name = queue_of(tonumber(jobs[i]))
      redis.call('RPUSH', key, jobs[i + 2])
      redis.call('SADD', queues, name)
      count = count + 1
    end
  end
  return count
end
