-- What a batch's counters decide. `k` names keys: those of the record, and out.
--- @include lib/family
--- @include lib/record

-- An event came to pass: note when, put its callbacks into the outbox, tell who listens, and the caller: by an item of no outbox.
local function happen(k, b, bid, event, now, grace, queue, items)
  b[event] = now
  redis.call('HSET', k.record, event .. '_at', now, 'queue:' .. event, queue)
  items[#items + 1] = 'batch|event|' .. bid .. '|' .. event
  local callbacks = tonumber(redis.call('HGET', k.record, 'callbacks:' .. event) or 0)
  for i = 0, callbacks - 1 do note(k, 'batch|callback|' .. bid .. '|' .. event .. '|' .. i, now, grace, items) end
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
    live(k, b, tonumber(redis.call('HGET', k.record, 'linger')))
  elseif b.finished and not b.success then
    tell_parent(k, bid, 'dead', now, grace, items)
  end
end

-- Decide what the counters say, each event once. An open block holds back all but death.
local function decide(k, b, bid, now, grace, queue, items)
  if b.open > 0 or (b.ran < b.total and b.done + b.dead < b.total) then return end
  if not b.left then load_events(k, b) end
  if b.broken then return end
  if not b.complete and b.ran == b.total then happen(k, b, bid, 'complete', now, grace, queue, items) end
  if not b.success and b.done == b.total then happen(k, b, bid, 'success', now, grace, queue, items) end
  if not b.finished and b.done + b.dead == b.total then happen(k, b, bid, 'finished', now, grace, queue, items) end
  report(k, b, bid, now, grace, items)
end
