-- Outcomes of members. Each sets bits; only a bit that was not set before moves a counter, so that a repeat is no news.
--- @include lib/clock
--- @include lib/batch

local KEPT_FAILURES = 100

-- `outcomes`: position, code, and what is kept of a failure or empty; three each. s succeeded, f failed and will run again,
-- d died; capitals for a child batch; W a job died below a child; T a child is active. All positions are checked before the
-- first write: one beyond the last member would make Redis allocate up to half a gigabyte.
local function are_positions(b, outcomes)
  for i = 1, #outcomes, 3 do
    local position = tonumber(outcomes[i])
    if not position or position < 0 or position >= b.total or position % 1 ~= 0 then return false end
  end
  return true
end

-- A bit that was flipped moves its counter; a child's also the counter that keeps children out of the job figures.
local function count(k, b, name, by, is_child)
  b[name] = b[name] + by
  if is_child then redis.call('HINCRBY', k.record, 'children:' .. name, by) end
end

-- Returns whether a job died with that, or below.
local function record_outcome(k, b, position, code)
  if code == 'W' or code == 'T' then return code == 'W' end
  local is_child = code < 'a'  -- a capital
  -- That a child is dead does not say that its complete callbacks have run; it tells that by itself.
  if code ~= 'D' and redis.call('SETBIT', k.ran, position, 1) == 0 then count(k, b, 'ran', 1, is_child) end
  if code == 's' or code == 'S' then
    if redis.call('SETBIT', k.done, position, 1) == 0 then
      count(k, b, 'done', 1, is_child)
      if b.dead > 0 and redis.call('SETBIT', k.dead, position, 0) == 1 then count(k, b, 'dead', -1, is_child) end
    end
  elseif (code == 'd' or code == 'D') and redis.call('GETBIT', k.done, position) == 0 then
    if redis.call('SETBIT', k.dead, position, 1) == 0 then
      count(k, b, 'dead', 1, is_child)
      return true
    end
  end
  return false
end

-- The newest failures, each once: a copy of it is the same member. Its score is in microseconds, so that order is kept.
local function keep_failure(k, b, now, failure)
  if failure == '' or redis.call('ZSCORE', k.failures, failure) then return end
  redis.call('ZADD', k.failures, now * 1000 + redis.call('HINCRBY', k.record, 'failures', 1) % 1000, failure)
  redis.call('PEXPIRE', k.failures, longer(load_life(k, b).ttl))
  redis.call('ZREMRANGEBYRANK', k.failures, 0, -KEPT_FAILURES - 1)
end

-- What the outcomes set off, as outbox items. Nothing is written where the batch is gone, which is said by an item of no
-- outbox, or where a position cannot be.
local function acknowledge(k, bid, queue, grace, outcomes)
  local b, items, died, now = load_counters(k), {}, false, clock()
  if not b then return {'batch|gone|' .. bid} end
  if not are_positions(b, outcomes) then return items end
  for i = 1, #outcomes, 3 do
    died = record_outcome(k, b, outcomes[i], outcomes[i + 1]) or died
    keep_failure(k, b, now, outcomes[i + 2])
  end
  redis.call('HSET', k.record, 'ran', b.ran, 'done', b.done, 'dead', b.dead)
  if math.abs(now - b.rate_at) >= 1000 then  -- once a second is enough, however many end in it
    keep_pace(k, b, now)
    if renew(k, load_life(k, b), now) then tell_parent(k, bid, 'touch', now, grace, items) end
  end
  if died then
    live(k, b, math.max(load_life(k, b).ttl, KEEP_DEAD))
    if not load_events(k, b).death then happen(k, b, bid, 'death', now, grace, queue, items) end
  end
  decide(k, b, bid, now, grace, queue, items)
  return items
end
