-- Periods of a bucket. Its key ends with the last period that something is taken of: how many have passed since they were
-- counted follows from how long it has yet to live. A key is there until the instant of its end, and that too: hence the 1.
--- @include lib/clock

-- How long what is taken is kept, so many milliseconds before the end of its period. In the last one Redis would forget it at
-- once, and admit without end: what is taken then, and finds nothing to be added to, is of the next period.
local function lasting(ends, period)
  return ends > 1 and ends or ends + period
end

-- Of a count, the units of this period and later ones; and the milliseconds to the end of this one.
local function this_period(key, count, period)
  local v, ends = redis.call('HMGET', key, 'ahead', 'limit'), redis.call('PTTL', key) + 1
  local ahead, left = tonumber(v[1] or 0), math.ceil(ends / period) - 1
  if left > ahead then  -- the server's clock was set back
    left, ends = ahead, (ahead + 1) * period
    redis.call('PEXPIRE', key, ends - 1)
  end
  return count - (ahead - left) * tonumber(v[2] or 0), ends - left * period
end

-- Units used in this period, units reserved in later ones, milliseconds to its end.
local function state(used, limit, turn)
  return math.min(used, limit), math.max(0, used - limit), turn
end

-- Write down what is taken up to a period that ends in so many milliseconds. Since its end was reckoned a moment has passed,
-- by which it would be late: where many reserve and the key never ends, these would add up. So it is put back to the clock's
-- border, unless that has passed, or is not near because periods were of another length.
local function reserve(key, count, ahead, limit, ends, period)
  local now = clock()
  ends = lasting(ends, period)
  local late = (now + ends) % period
  if late < period / 2 and late + 1 < ends then ends = ends - late end
  redis.call('HSET', key, 'count', count, 'ahead', ahead, 'limit', limit)
  redis.call('PEXPIREAT', key, now + ends - 1)
end
