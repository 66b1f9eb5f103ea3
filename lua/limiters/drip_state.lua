--[[
Look at what refills evenly and change nothing.

KEYS
  1 owed     string    microseconds until it is full again, when this was written; it expires when it is
ARGV
RETURNS
  microseconds until it is full
]]
--- @include lib/owed

return owed_now(KEYS[1])
