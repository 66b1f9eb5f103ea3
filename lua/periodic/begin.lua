--[[
Begin to deploy a schedule. Whoever began later is let through, and nobody before.

KEYS
  1 meta     hash      fingerprint of the content, of the one before, by whom and when; number of the last deploy
ARGV
RETURNS
  the number of this deploy
]]
--- @include lib/schedule

local number = redis.call('HINCRBY', KEYS[1], 'deploy', 1)
keep(KEYS[1])
return number
