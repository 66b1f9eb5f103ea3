-- A batch's record: its counters, what they decide, and how long it lives. `k` names keys: record ran done dead out, and failures
-- where they are at hand.
--- @include lib/family
local KEEP_DEAD = 15552000000  -- 180 days

-- The counters as numbers, or nil where there is no such batch.
local function load_batch(k)
  local v = redis.call('HMGET', k.record, 'total', 'ran', 'done', 'dead', 'open', 'left', 'left:complete', 'ttl',
    'touched', 'complete_at', 'success_at', 'finished_at', 'death_at', 'broken', 'rate', 'rate_at')
  if not v[1] then return nil end
  return {
    total = tonumber(v[1]), ran = tonumber(v[2]), done = tonumber(v[3]), dead = tonumber(v[4]), open = tonumber(v[5]),
    left = tonumber(v[6]), left_complete = tonumber(v[7]), ttl = tonumber(v[8]), touched = tonumber(v[9]),
    complete = v[10], success = v[11], finished = v[12], death = v[13], broken = v[14],
    rate = tonumber(v[15] or 0), rate_at = tonumber(v[16] or 0),
  }
end

-- Set how long the batch lives from now on. Bitmaps live a little longer, so that none is ever made anew without a TTL.
local function live(k, b, now, ttl)
  b.ttl, b.touched = ttl, now
  local longer = ttl + math.floor(ttl / 25)
  redis.call('PEXPIRE', k.record, ttl)
  redis.call('HSET', k.record, 'ttl', ttl, 'touched', now)
  redis.call('PEXPIRE', k.ran, longer)
  redis.call('PEXPIRE', k.done, longer)
  redis.call('PEXPIRE', k.dead, longer)
  if k.failures then redis.call('PEXPIRE', k.failures, longer) end
end

-- Renew an active batch, and say whether its parent should be: once a hundredth of its life has passed. The record's own
-- expiry is the first write of every acknowledgement, for a full server allows it, and then the rest of the script.
local function touch(k, b, now)
  redis.call('PEXPIRE', k.record, b.ttl)
  if now - b.touched <= b.ttl / 100 then return false end
  live(k, b, now, b.ttl)
  return true
end

-- An event came to pass: note when, put its callbacks into the outbox, tell who listens.
local function happen(k, b, bid, event, now, grace, queue, items)
  b[event] = now
  redis.call('HSET', k.record, event .. '_at', now, 'queue:' .. event, queue)
  local callbacks = tonumber(redis.call('HGET', k.record, 'callbacks:' .. event) or 0)
  for i = 0, callbacks - 1 do
    note(k, 'batch|callback|' .. bid .. '|' .. event .. '|' .. i, now, grace, items)
  end
  if callbacks > 0 and event ~= 'death' then
    b.left = redis.call('HINCRBY', k.record, 'left', callbacks)
    if event == 'complete' then b.left_complete = redis.call('HINCRBY', k.record, 'left:complete', callbacks) end
  end
  if event == 'death' then tell_parent(k, bid, 'death', now, grace, items) end
  redis.call('PUBLISH', k.record, event)
end

-- Tell the parent how far it is, once the callbacks of that are done. One that succeeded is kept `linger` milliseconds more.
local function report(k, b, bid, now, grace, items)
  if b.complete and b.left_complete == 0 then tell_parent(k, bid, 'ran', now, grace, items) end
  if b.success and b.left == 0 then
    tell_parent(k, bid, 'done', now, grace, items)
    live(k, b, now, tonumber(redis.call('HGET', k.record, 'linger')))
  elseif b.finished and not b.success then
    tell_parent(k, bid, 'dead', now, grace, items)
  end
end

-- Decide what the counters say, each event once. An open block holds back all but death.
local function decide(k, b, bid, now, grace, queue, items)
  if b.open > 0 or b.broken then return end
  if not b.complete and b.ran == b.total then happen(k, b, bid, 'complete', now, grace, queue, items) end
  if not b.success and b.done == b.total then happen(k, b, bid, 'success', now, grace, queue, items) end
  if not b.finished and b.done + b.dead == b.total then happen(k, b, bid, 'finished', now, grace, queue, items) end
  report(k, b, bid, now, grace, items)
end
