-- What belongs to a batch lives a little longer than its record, so that none of it is ever made anew without a TTL.
local function longer(ttl) return ttl + math.floor(ttl / 25) end
