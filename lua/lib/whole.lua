-- A batch with all that its record says, for scripts that come more rarely than acknowledgements. `k` as in record.
--- @include lib/record

local function load_batch(k)
  local b = load_counters(k)
  return b and load_events(k, load_life(k, b))
end

-- Renew an active batch, and say whether its parent should be. Its record's expiry comes first: a full server allows that write,
-- and after it all others of the same script.
local function touch(k, b, now)
  redis.call('PEXPIRE', k.record, b.ttl)
  return renew(k, b, now)
end
