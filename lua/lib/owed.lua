-- What refills evenly, in one key whose expiry is its clock: the key ends when all that was taken has come again. Its value is
-- finer than its clock, so that of many small units none is forgotten: they come back by the millisecond, as much as is due.

-- Microseconds that adding up fractions may make of nothing.
local ROUNDING = 0.001

-- Microseconds until it is full. What was written then cannot have grown: it has where the server's clock was set back.
local function owed_now(key)
  local left = redis.call('PTTL', key)
  if left <= 0 then return 0 end
  local written = tonumber(redis.call('GET', key))
  local life = math.ceil(written / 1000)
  if left <= life then return written - (life - left) * 1000 end
  redis.call('PEXPIRE', key, life)
  return written
end

-- Units that are taken or reserved, rounded up; microseconds until it is full.
local function state(owed, unit)
  return math.ceil((owed - ROUNDING) / unit), math.ceil(owed)
end

local function owe(key, owed)
  if owed <= 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, owed, 'PX', math.ceil(owed / 1000))
  end
end
