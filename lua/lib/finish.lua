-- What finishing jobs means, for the scripts that acknowledge them: finish_jobs(k, now, jobs) -> news
--   k      key names: inflight, retry, dead, schedule, processed, failed, processed_day, failed_day
--   now    milliseconds, of clock()
--   jobs   flat, four per job: the payload as it was fetched, a verb, the payload to keep, seconds until it runs again.
--          Verbs: 'done'; 'drop' (failed, not kept); 'retry' (kept in retry, due in so many seconds); 'dead' (kept in dead);
--          'later' (did not run: kept in schedule, due in so many seconds, and not counted).
--   news   news[i] is true if job i was still in flight; if not, it is somebody else's now and nothing was kept or counted.
-- It checks before it writes, and its first write is an LREM, which a full server allows. At most 200 jobs a call.
local FIVE_YEARS = 5 * 365 * 24 * 60 * 60
local DEAD_SECONDS = 180 * 24 * 60 * 60
local DEAD_JOBS = 10000
local FAILURES = {done = 0, drop = 1, retry = 1, dead = 1, later = 0}

local function count_runs(total, day, runs)
  if runs > 0 then
    redis.call('INCRBY', total, runs)
    if redis.call('INCRBY', day, runs) == runs then redis.call('EXPIRE', day, FIVE_YEARS) end
  end
end

local function finish_jobs(k, now, jobs)
  for i = 1, #jobs, 4 do
    assert(FAILURES[jobs[i + 1]] and tonumber(jobs[i + 3]), 'a job needs a known verb and a number of seconds')
  end
  local news, runs, failures, died = {}, 0, 0, false
  local kept = {retry = k.retry, later = k.schedule, dead = k.dead}
  for i = 1, #jobs, 4 do
    local verb, removed = jobs[i + 1], redis.call('LREM', k.inflight, -1, jobs[i]) == 1
    news[#news + 1] = removed
    if removed then
      runs, failures, died = runs + (verb == 'later' and 0 or 1), failures + FAILURES[verb], died or verb == 'dead'
      if kept[verb] then redis.call('ZADD', kept[verb], string.format('%.3f', now / 1000 + jobs[i + 3]), jobs[i + 2]) end
    end
  end
  if died then
    redis.call('ZREMRANGEBYSCORE', k.dead, '-inf', now / 1000 - DEAD_SECONDS)
    redis.call('ZREMRANGEBYRANK', k.dead, 0, -DEAD_JOBS - 1)
  end
  count_runs(k.processed, k.processed_day, runs)
  count_runs(k.failed, k.failed_day, failures)
  return news
end
