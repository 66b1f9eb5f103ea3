-- Slots of a concurrent limiter, and who waits for them. `k` names keys: leases queue meta; `wake` is the prefix of the
-- waiters' own lists, `channel` that of the channels on which processes show that they are there.
--- @include lib/clock
local MOST_DEAD = 1000
-- What stands in the own list of a waiter that has left, and for how many milliseconds.
local LEFT, REMEMBERED = 'left', 30000

-- A number that only grows, also after the limiter was forgotten: it begins at the server's clock.
local function next_fence(k, ttl)
  local fence = redis.call('HINCRBY', k.meta, 'fence', 1)
  local new = fence == 1
  if new then
    local time = redis.call('TIME')
    fence = time[1] * 1000000 + time[2]
    redis.call('HSET', k.meta, 'fence', string.format('%.0f', fence))
  end
  if new or fence % 64 == 0 then redis.call('PEXPIRE', k.meta, ttl) end
  return fence
end

local function lease(k, ticket, now, lock, ttl)
  redis.call('ZADD', k.leases, now + lock, ticket)
  redis.call('PEXPIRE', k.leases, ttl)
end

-- When the first lease ends. One that would last longer from now on than its ticket says was given before the server's
-- clock was set back, and begins now instead.
local function first_end(k, now)
  while true do
    local ticket, ends = unpack(redis.call('ZRANGE', k.leases, 0, 0, 'WITHSCORES'))
    local latest = now + string.match(ticket, '%.(%d+)$')
    if tonumber(ends) <= latest then return tonumber(ends) end
    redis.call('ZADD', k.leases, latest, ticket)
  end
end

local function is_there(channel, process)
  return redis.call('PUBSUB', 'NUMSUB', channel .. process)[2] > 0
end

-- Give free slots to those who wait longest. A ticket is process.number.lock; a process that is gone is passed over.
local function promote(k, size, now, ttl, wake, channel)
  local held = redis.call('ZCARD', k.leases)
  for _ = 1, MOST_DEAD do
    if held >= size then return held end
    local ticket = redis.call('ZPOPMIN', k.queue)[1]
    if not ticket then return held end
    local process, lock = string.match(ticket, '^(.*)%.%d+%.(%d+)$')
    if is_there(channel, process) then
      lease(k, ticket, now, tonumber(lock), ttl)
      redis.call('RPUSH', wake .. ticket, next_fence(k, ttl))
      redis.call('PEXPIRE', wake .. ticket, lock)
      held = held + 1
    end
  end
  return held
end
