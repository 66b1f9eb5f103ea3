-- Outcomes of members. Each sets bits; only a bit that was not set before moves a counter, so that a repeat is no news.
--- @include lib/clock
--- @include lib/batch

-- `outcomes`: position and code, alternating; s succeeded, f failed and will run again, d died. All positions are checked
-- before the first write: one beyond the last member would make Redis allocate up to half a gigabyte.
local function are_positions(b, outcomes)
  for i = 1, #outcomes, 2 do
    local position = tonumber(outcomes[i])
    if not position or position < 0 or position >= b.total or position % 1 ~= 0 then return false end
  end
  return true
end

-- What the outcomes set off, as outbox items. Nothing is written where the batch is gone or a position cannot be.
local function acknowledge(k, bid, queue, grace, outcomes)
  local items, died = {}, false
  local b = load_batch(k)
  if not b or not are_positions(b, outcomes) then return items end
  local now = clock()
  touch(k, b, now)
  for i = 1, #outcomes, 2 do
    local position, code = outcomes[i], outcomes[i + 1]
    if redis.call('SETBIT', k.ran, position, 1) == 0 then b.ran = b.ran + 1 end
    if code == 's' then
      if redis.call('SETBIT', k.done, position, 1) == 0 then
        b.done = b.done + 1
        if b.dead > 0 and redis.call('SETBIT', k.dead, position, 0) == 1 then b.dead = b.dead - 1 end
      end
    elseif code == 'd' and redis.call('GETBIT', k.done, position) == 0 then
      if redis.call('SETBIT', k.dead, position, 1) == 0 then
        b.dead = b.dead + 1
        died = true
      end
    end
  end
  redis.call('HSET', k.record, 'ran', b.ran, 'done', b.done, 'dead', b.dead)
  if died then
    live(k, b, now, math.max(b.ttl, KEEP_DEAD))
    if not b.death then happen(k, b, bid, 'death', now, grace, queue, items) end
  end
  decide(k, b, bid, now, grace, queue, items)
  return items
end
