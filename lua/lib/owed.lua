-- What refills evenly, in one key whose expiry is its clock: the key ends when all that was taken has come again.

-- Microseconds until it is full. What was written then cannot have grown: it has where the server's clock was set back.
local function owed_now(key)
  local left = redis.call('PTTL', key)
  if left <= 0 then return 0 end
  local written = tonumber(redis.call('GET', key))
  local owed = left * 1000 + written % 1000
  if owed <= written then return owed end
  redis.call('PEXPIRE', key, math.floor(written / 1000))
  return written
end

local function owe(key, owed)
  if owed < 1000 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, string.format('%.0f', owed), 'PX', math.floor(owed / 1000))
  end
end
