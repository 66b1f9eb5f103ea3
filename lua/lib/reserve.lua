-- New batches, and places for their members.
--- @include lib/clock
--- @include lib/batch
--- @include lib/whole

-- Write a new record from `fields` (name and value, alternating), and list it where `k` names the index.
local function create(k, bid, ttl, fields, now)
  redis.call('HSET', k.record, 'total', 0, 'ran', 0, 'done', 0, 'dead', 0, 'open', 0, 'ttl', ttl, 'touched', now,
    'rate_at', now, 'rate', 0, 'rate_done', 0, 'left', 0, 'left:complete', 0, 'created_at', now, unpack(fields))
  redis.call('PEXPIRE', k.record, ttl)
  if not k.index then return end
  redis.call('ZADD', k.index, now, bid)
  redis.call('PEXPIRE', k.index, KEEP_SHARD)
end

-- The batch, made if it is new and `fields` say how, or nil and why nothing can be added. Those inside (members and
-- callbacks) may add until it succeeds, others until it finishes. A broken one is only for who resumes it.
local function load_or_create(k, bid, ttl, inside, fields, now, resumes)
  local b = load_batch(k)
  if not b then
    if #fields == 0 then return nil, 'missing' end
    create(k, bid, ttl, fields, now)
    return load_batch(k)
  end
  if b.broken and not resumes then return nil, 'broken' end
  if b.success or (b.finished and inside ~= '1') then return nil, 'closed' end
  return b
end

-- Places for n more members; the first one's position. The bitmaps grow at once, to exactly what is needed. Whoever has time
-- tells the parent that it is active.
local function reserve(k, bid, b, now, n)
  local base = b.total
  if n > 0 then
    b.total = redis.call('HINCRBY', k.record, 'total', n)
    redis.call('SETBIT', k.ran, b.total - 1, 0)
    redis.call('SETBIT', k.done, b.total - 1, 0)
    if touch(k, b, now) then tell_parent(k, bid, 'touch', now, 0, {}) else live(k, b, b.ttl) end
  end
  return base
end
