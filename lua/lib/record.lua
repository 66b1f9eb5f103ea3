-- A batch's record: counters, and how long it lives. `k` names keys: record ran done dead, failures and results where at hand.
--- @include lib/longer
local KEEP_DEAD = 15552000000  -- 180 days

-- What every acknowledgement needs, or nil where there is no such batch: fields that stand first, where they are found soonest.
local function load_counters(k)
  local v = redis.call('HMGET', k.record, 'total', 'ran', 'done', 'dead', 'open', 'ttl', 'touched', 'rate_at', 'shortest')
  if not v[1] then return nil end
  return {total = tonumber(v[1]), ran = tonumber(v[2]), done = tonumber(v[3]), dead = tonumber(v[4]), open = tonumber(v[5]),
    ttl = tonumber(v[6]), touched = tonumber(v[7]), rate_at = tonumber(v[8]), shortest = tonumber(v[9] or v[6])}
end

-- What has happened, and how many callbacks of that are left to run: only needed where something may be decided.
local function load_events(k, b)
  local v = redis.call('HMGET', k.record, 'left', 'left:complete', 'complete_at', 'success_at', 'finished_at', 'death_at', 'broken')
  b.left, b.left_complete = tonumber(v[1]), tonumber(v[2])
  b.complete, b.success, b.finished, b.death, b.broken = v[3], v[4], v[5], v[6], v[7]
  return b
end

local function load_batch(k)
  local b = load_counters(k)
  return b and load_events(k, b)
end

-- Set how long the batch lives from now on, and when it was last said that it is active.
local function live(k, b, ttl, touched)
  b.ttl, b.touched = ttl, touched or b.touched
  redis.call('PEXPIRE', k.record, ttl)
  redis.call('HSET', k.record, 'ttl', ttl, 'touched', b.touched)
  for _, key in ipairs({k.ran, k.done, k.dead, k.failures, k.results}) do redis.call('PEXPIRE', key, longer(ttl)) end
end

-- Renew an active batch, and say whether its parent should be: once a hundredth of the shortest life in the family has passed.
-- The record's own expiry is the first write of every acknowledgement, for a full server allows it, and then the rest.
local function touch(k, b, now)
  redis.call('PEXPIRE', k.record, b.ttl)
  local due = now - b.touched > b.shortest / 100
  if due then live(k, b, b.ttl, now) end
  return due
end

-- How many succeed in a second, as an average that forgets what was a minute ago; brought up to date once a second.
local function keep_pace(k, b, now)
  local ago = now - b.rate_at
  if ago < 1000 then return end
  local v = redis.call('HMGET', k.record, 'rate', 'rate_done')
  local rate = v[1] * math.exp(-ago / 60000) + (b.done - v[2]) / 60
  redis.call('HSET', k.record, 'rate_at', now, 'rate', string.format('%.6g', rate), 'rate_done', b.done)
end
