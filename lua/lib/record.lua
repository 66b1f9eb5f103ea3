-- A batch's record: counters, and how long it lives. `k` names keys: record ran done dead, failures and results where at hand.
--- @include lib/longer
local KEEP_DEAD = 15552000000  -- 180 days

-- What every acknowledgement needs, or nil where there is no such batch: fields that stand first, where they are found soonest.
local function load_counters(k)
  local v = redis.call('HMGET', k.record, 'total', 'ran', 'done', 'dead', 'open', 'rate_at')
  if not v[1] then return nil end
  return {total = tonumber(v[1]), ran = tonumber(v[2]), done = tonumber(v[3]), dead = tonumber(v[4]), open = tonumber(v[5]),
    rate_at = tonumber(v[6])}
end

-- How long it lives: only needed where that is said anew.
local function load_life(k, b)
  if b.ttl then return b end
  local v = redis.call('HMGET', k.record, 'ttl', 'touched', 'shortest')
  b.ttl, b.touched, b.shortest = tonumber(v[1]), tonumber(v[2]), tonumber(v[3] or v[1])
  return b
end

-- What has happened, and how many callbacks of that are left to run: only needed where something may be decided.
local function load_events(k, b)
  local v = redis.call('HMGET', k.record, 'left', 'left:complete', 'complete_at', 'success_at', 'finished_at', 'death_at', 'broken')
  b.left, b.left_complete = tonumber(v[1]), tonumber(v[2])
  b.complete, b.success, b.finished, b.death, b.broken = v[3], v[4], v[5], v[6], v[7]
  return b
end

-- Set how long the batch lives from now on.
local function live(k, b, ttl)
  b.ttl = ttl
  redis.call('PEXPIRE', k.record, ttl)
  redis.call('HSET', k.record, 'ttl', ttl)
  for _, key in ipairs({k.ran, k.done, k.dead, k.failures, k.results}) do redis.call('PEXPIRE', key, longer(ttl)) end
end

-- Renew an active batch once a hundredth of the shortest life in its family has passed, and say whether its parent should be.
local function renew(k, b, now)
  if math.abs(now - b.touched) <= b.shortest / 100 then return false end  -- abs: the server's clock may have been set back
  redis.call('HSET', k.record, 'touched', now)
  live(k, b, b.ttl)
  return true
end

-- How many succeed in a second, as an average that forgets what was a minute ago.
local function keep_pace(k, b, now)
  local v = redis.call('HMGET', k.record, 'rate', 'rate_done')
  local rate = v[1] * math.exp(-math.abs(now - b.rate_at) / 60000) + (b.done - v[2]) / 60
  redis.call('HSET', k.record, 'rate_at', now, 'rate', string.format('%.6g', rate), 'rate_done', b.done)
end
