-- What finishing jobs means, for the scripts that acknowledge them: finish_jobs(k, now, jobs) -> news, count
--   k      key names: inflight, retry, dead, later, processed, failed, processed_day, failed_day, failures
--   jobs   flat, five per job: the payload as it was fetched, a verb, the payload to keep, seconds until it runs again, and
--          what people should know of a failure, or nothing. Verbs: 'done'; 'drop' (failed, not kept); 'retry' (kept in retry,
--          due in so many seconds); 'dead' (kept in dead); 'later' (did not run: kept in later, and not counted).
--   news   news[i] is true if job i was still in flight; if not, it is somebody else's now and nothing was kept or counted.
-- It checks before it writes, and its first write is an LREM, which a full server allows. At most 200 jobs a call.
--- @include lib/the_dead
local FIVE_YEARS = 5 * 365 * 24 * 60 * 60
local FAILURES = {done = 0, drop = 1, retry = 1, dead = 1, later = 0}

local function count_runs(total, day, runs)
  if runs == 0 then return end
  redis.call('INCRBY', total, runs)
  if redis.call('INCRBY', day, runs) == runs then redis.call('EXPIRE', day, FIVE_YEARS) end
end

local function finish_jobs(k, now, jobs)
  for i = 1, #jobs, 5 do
    assert(FAILURES[jobs[i + 1]] and tonumber(jobs[i + 3]), 'a job needs a known verb and a number of seconds')
  end
  local news, count, told, runs, failures = {}, 0, {}, 0, 0
  for i = 1, #jobs, 5 do
    local verb, removed = jobs[i + 1], redis.call('LREM', k.inflight, -1, jobs[i]) == 1
    news[#news + 1] = removed
    if removed then
      count, runs, failures = count + 1, runs + (verb == 'later' and 0 or 1), failures + FAILURES[verb]
      if k[verb] then redis.call('ZADD', k[verb], string.format('%.3f', now / 1000 + jobs[i + 3]), jobs[i + 2]) end
      if verb == 'dead' then trim_dead(k.dead, now) end
      if jobs[i + 4] ~= '' then told[#told + 1] = string.format('%d ', now) .. jobs[i + 4] end
    end
  end
  if #told > 0 then
    redis.call('LPUSH', k.failures, unpack(told))
    redis.call('LTRIM', k.failures, 0, 999)
    redis.call('EXPIRE', k.failures, HALF_A_YEAR)
  end
  count_runs(k.processed, k.processed_day, runs)
  count_runs(k.failed, k.failed_day, failures)
  return news, count
end
