--[[
Keep a schedule for another year: what says when its entries fire is not written again for as long as nothing changes.

KEYS
  1 entries  hash      definitions by name
  2 due      zset      entries by the millisecond of their next tick
  3 paused   set       names of entries that rest
  4 meta     hash      fingerprint of the content, of the one before, by whom and when; number of the last deploy
ARGV
RETURNS
  1
]]
--- @include lib/schedule

keep(KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return 1
