--[[
Add what a process measured of the runs of its jobs, as Sidekiq keeps it.

KEYS
  1 minute       hash      runs, failures and milliseconds by job, of this minute
  2 ten          hash      the same of ten minutes
  3... durations string    how long the runs of a job took, one per job
ARGV
  1... jobs      string    five per job: name, runs, failures, milliseconds, and "bucket:runs" with commas between
RETURNS
  how many jobs
RESEND no
SLOTS many
]]
local MINUTE, TEN = 8 * 3600, 72 * 3600

for i = 1, #ARGV, 5 do
  for n = 1, 2 do
    redis.call('HINCRBY', KEYS[n], ARGV[i] .. '|p', ARGV[i + 1])
    redis.call('HINCRBY', KEYS[n], ARGV[i] .. '|f', ARGV[i + 2])
    redis.call('HINCRBY', KEYS[n], ARGV[i] .. '|ms', ARGV[i + 3])
  end
  local durations = KEYS[2 + (i + 4) / 5]
  for bucket, runs in string.gmatch(ARGV[i + 4], '(%d+):(%d+)') do
    redis.call('BITFIELD', durations, 'OVERFLOW', 'SAT', 'INCRBY', 'u16', '#' .. bucket, runs)
  end
  redis.call('EXPIRE', durations, MINUTE)
end
redis.call('EXPIRE', KEYS[1], MINUTE)
redis.call('EXPIRE', KEYS[2], TEN)
return #ARGV / 5
