--[[
Say good-bye. A process that still holds jobs is not forgotten, so that another takes them back at once.

KEYS
  1 processes  set       identities of worker processes
  2 process    hash      heartbeat of this one
  3 work       hash      what its threads run now
  4 inflight   list      what it holds
  5 workers    set       identities of all that may hold jobs
  6 old_work   hash      the same as work, where Sidekiq before 7 looks
ARGV
  1 identity   string    this process
RETURNS
  how many jobs it still holds
SLOTS many
]]
redis.call('DEL', KEYS[2])
redis.call('DEL', KEYS[3])
redis.call('DEL', KEYS[6])
redis.call('SREM', KEYS[1], ARGV[1])
local held = redis.call('LLEN', KEYS[4])
if held == 0 then
  redis.call('SREM', KEYS[5], ARGV[1])
end
return held
