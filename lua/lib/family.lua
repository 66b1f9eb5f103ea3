-- What a batch tells its parent, and those that wait for it. One hop: an outbox item, performed as an outcome of its place there.
local KEEP_SHARD = 31536000000  -- 365 days: the shard's own keys outlive every batch in it

-- Write down that something is to be done.
local function note(k, item, now, grace, items)
  redis.call('ZADD', k.out, now + grace, item)
  redis.call('PEXPIRE', k.out, KEEP_SHARD)
  items[#items + 1] = item
end

-- `what`: ran, done or dead (what its place becomes), death (a job died below), each once; touch (it is active).
local function tell_parent(k, bid, what, now, grace, items)
  if what ~= 'touch' and redis.call('HSETNX', k.record, 'told:' .. what, 1) == 0 then return end
  local above = redis.call('HMGET', k.record, 'parent', 'waiters')
  if above[1] or above[2] then note(k, 'batch|up|' .. bid .. '|' .. what, now, grace, items) end
end
