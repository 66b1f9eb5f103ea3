-- The dead are kept for half a year, and the newest 10,000 of them.
local HALF_A_YEAR = 180 * 24 * 60 * 60
local function trim_dead(dead, now)
  redis.call('ZREMRANGEBYSCORE', dead, '-inf', now / 1000 - HALF_A_YEAR)
  redis.call('ZREMRANGEBYRANK', dead, 0, -10001)
end
