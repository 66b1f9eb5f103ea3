-- Put jobs where workers find them. `where` of a job is the number of its queue's key, or @ and the second it is due.

-- Push payloads, each queue's run of them together; `queue_of` gives the key and the name of a queue by its number.
local function enqueue(queues, schedule, queue_of, jobs)
  local i, known = 1, {}
  while i <= #jobs do
    local where = jobs[i]
    if string.sub(where, 1, 1) == '@' then
      redis.call('ZADD', schedule, string.sub(where, 2), jobs[i + 1])
      i = i + 2
    else
      local key, name = queue_of(tonumber(where))
      local run = {}
      while jobs[i] == where and #run < 200 do
        run[#run + 1] = jobs[i + 1]
        i = i + 2
      end
      if not known[where] then
        redis.call('SADD', queues, name)
        known[where] = true
      end
      redis.call('LPUSH', key, unpack(run))
    end
  end
end
