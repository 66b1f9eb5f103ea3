--[[
Say which content a schedule has now, and wake who fires it.

KEYS
  1 meta         hash      fingerprint of the content, of the one before, by whom and when
ARGV
  1 fingerprint  string    empty where entries were changed at run time
  2 by           string    the process
  3 channel      string    where those listen who fire it
  4 deploy       integer   of which deploy this is the end; 0 where of none
RETURNS
  1 if the content is another now, else 0; -1 where a later deploy has begun
]]
--- @include lib/clock
--- @include lib/schedule

if is_superseded(KEYS[1], ARGV[4]) then return -1 end
local before = redis.call('HGET', KEYS[1], 'fingerprint')
local new = ARGV[1] ~= '' and ARGV[1] ~= before
if new then
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'by', ARGV[2], 'at', clock(), 'before', before or '')
end
keep(KEYS[1])
redis.call('PUBLISH', ARGV[3], 'changed')
return new and 1 or 0
