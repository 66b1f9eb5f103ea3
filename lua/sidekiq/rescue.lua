--[[
Take jobs of a dead process back to the front of their queues, each once, and forget the process when it holds no more.

KEYS
  1 process    hash      its heartbeat: while there is one, nothing is taken
  2 processes  set       identities of worker processes
  3 inflight   list      what it holds
  4 work       hash      what its threads were running
  5 workers    set       identities of all that may hold jobs
  6 queues     set       names of queues
  7... rest    any       the queues, as many as nqueues; then per job how often it was taken back
ARGV
  1 identity   string    the dead process
  2 nqueues    integer   how many of the keys are queues
  3 keep       integer   seconds for which it is remembered that a job was taken back
  4... rest    string    the queues' names in the order of their keys; then three per job, newest first: number of its queue,
     from 1, payload as fetched, payload to push
RETURNS
  {taken, left}: how many went back to their queues, how many it still holds; {-1, 0} if it is alive
SLOTS many
]]
--- @include lib/return_jobs

if redis.call('EXISTS', KEYS[1]) == 1 then return {-1, 0} end
local queues, taken = tonumber(ARGV[2]), 0
local function queue_of(number) return KEYS[6 + number], ARGV[3 + number] end
local recovered = 6 + queues
for i = 4 + queues, #ARGV, 3 do
  recovered = recovered + 1
  if return_jobs(KEYS[3], KEYS[6], queue_of, {ARGV[i], ARGV[i + 1], ARGV[i + 2]}) == 1 then
    redis.call('INCR', KEYS[recovered])
    redis.call('EXPIRE', KEYS[recovered], ARGV[3])
    taken = taken + 1
  end
end
local left = redis.call('LLEN', KEYS[3])
if left == 0 then
  redis.call('SREM', KEYS[2], ARGV[1])
  redis.call('SREM', KEYS[5], ARGV[1])
  redis.call('DEL', KEYS[4])
end
return {taken, left}
