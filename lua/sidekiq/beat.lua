--[[
Show that a worker process is alive and what it is doing, as Sidekiq shows it.

KEYS
  1 processes    set       identities of worker processes
  2 process      hash      heartbeat of this one
  3 work         hash      what its threads run now
  4 workers      set       identities of all that may hold jobs
  5 old_work     hash      the same as work, where Sidekiq before 7 looks
ARGV
  1 identity     string    this process
  2 ttl          integer   seconds after which it counts as dead
  3 info         string    what does not change, as JSON
  4 concurrency  integer
  5 busy         integer   how many jobs it runs
  6 quiet        string    true or false
  7 rss          integer   its memory in kB
  8 rtt_us       integer   how long its last beat took
  9... running   string    two per job: name of the thread, and job as JSON
RETURNS
  how many processes there are
SLOTS many
]]
--- @include lib/clock

redis.call('DEL', KEYS[3])
redis.call('DEL', KEYS[5])
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('SADD', KEYS[4], ARGV[1])
redis.call('HSET', KEYS[2], 'info', ARGV[3], 'concurrency', ARGV[4], 'busy', ARGV[5], 'quiet', ARGV[6], 'rss', ARGV[7],
  'rtt_us', ARGV[8], 'beat', string.format('%.3f', clock() / 1000))
redis.call('EXPIRE', KEYS[2], ARGV[2])
for i = 9, #ARGV, 2 do
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
  redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[3], ARGV[2])
redis.call('EXPIRE', KEYS[5], ARGV[2])
return redis.call('SCARD', KEYS[1])
