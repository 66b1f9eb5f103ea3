--[[
Look at what refills evenly and change nothing.

KEYS
  1 owed     string    microseconds until it is full again, when this was written; it expires when it is
ARGV
  1 unit     number    microseconds in which one unit comes
RETURNS
  {units that are taken or reserved, rounded up; microseconds until it is full}
]]
--- @include lib/owed

return {state(owed_now(KEYS[1]), ARGV[1])}
