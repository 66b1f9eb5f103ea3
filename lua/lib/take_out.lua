-- Take one job out of where it waits, a list or a sorted set; whether it was there.
local function take_out(waiting, payload)
  local kind = redis.call('TYPE', waiting).ok
  if kind == 'list' then return redis.call('LREM', waiting, 1, payload) == 1 end
  return kind == 'zset' and redis.call('ZREM', waiting, payload) == 1
end
