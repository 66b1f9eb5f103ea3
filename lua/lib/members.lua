-- Outcomes of members. Each sets bits; only a bit that was not set before moves a counter, so that a repeat is no news.
--- @include lib/clock
--- @include lib/batch

-- `outcomes`: position and code, alternating. s succeeded, f failed and will run again, d died; the same in capitals for a
-- child batch; W a job died below a child; T a child is active. All positions are checked before the first write: one beyond
-- the last member would make Redis allocate up to half a gigabyte.
local function are_positions(b, outcomes)
  for i = 1, #outcomes, 2 do
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
  if code == 'W' then return true end
  if code == 'T' then return false end
  local is_child = code == string.upper(code)
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

-- What the outcomes set off, as outbox items. Nothing is written where the batch is gone or a position cannot be.
local function acknowledge(k, bid, queue, grace, outcomes)
  local items, died = {}, false
  local b = load_batch(k)
  if not b or not are_positions(b, outcomes) then return items end
  local now = clock()
  if touch(k, b, now) then tell_parent(k, bid, 'touch', now, grace, items) end
  for i = 1, #outcomes, 2 do
    died = record_outcome(k, b, outcomes[i], outcomes[i + 1]) or died
  end
  redis.call('HSET', k.record, 'ran', b.ran, 'done', b.done, 'dead', b.dead)
  if died then
    live(k, b, now, math.max(b.ttl, KEEP_DEAD))
    if not b.death then happen(k, b, bid, 'death', now, grace, queue, items) end
  end
  decide(k, b, bid, now, grace, queue, items)
  return items
end
