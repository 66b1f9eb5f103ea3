--[[
Become or stay the leader of a schedule. A term begins with each new leader, and only grows.

KEYS
  1 leader   string    owner, term and lease, with bars between
  2 term     string    the last term
ARGV
  1 owner    string    this process
  2 lease    integer   milliseconds until somebody else may lead
RETURNS
  {term, milliseconds}: of this process and of its lease; term 0 and the other's lease where somebody else leads
]]
--- @include lib/schedule

local holder = redis.call('GET', KEYS[1])
local owner, term, lease = string.match(holder or '', '^(.*)|(%d+)|(%d+)$')
if holder and owner ~= ARGV[1] then
  -- A clock that was set back makes a lease longer than it was given; it is cut to what its holder relies on.
  local left = redis.call('PTTL', KEYS[1])
  if left > tonumber(lease) then
    left = tonumber(lease)
    redis.call('PEXPIRE', KEYS[1], left)
  end
  return {0, left}
end
if not holder then
  -- Where the last term was forgotten they go on from the clock, which is ahead of any.
  term = redis.call('INCR', KEYS[2])
  if term == 1 then
    term = redis.call('TIME')[1]
    redis.call('SET', KEYS[2], term)
  end
end
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. term .. '|' .. ARGV[2], 'PX', ARGV[2])
keep(KEYS[2])
return {tonumber(term), tonumber(ARGV[2])}
