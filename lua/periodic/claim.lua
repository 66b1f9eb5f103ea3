--[[
Move entries from one tick to the next, if this process still leads, and write down what is to be enqueued. What was kept until
the job before ends, and nobody has told of its end within its timeout, is written down first, and becomes the job before.

KEYS
  1 leader      string    owner, term and lease, with bars between
  2 due         zset      entries by the millisecond of their next tick
  3 out         zset      outbox
  4 running     hash      by entry: id and begin of the job that may still run
  5 queued      hash      by entry: what is enqueued when that job ends
  6... history  list      one per move: the entry's runs, newest first
ARGV
  1 mine        string    the same of this process
  2 grace       integer   milliseconds the caller has for enqueuing
  3... moves    string    eight per move: name; from and to, milliseconds; job id, or empty where nothing is enqueued; outbox
                          item; history line without its end, or empty; outcome; milliseconds for which the job before may
                          run, 0 where that is no matter, negative where this one is kept until it ends
RETURNS
  {status, now, outcomes...}: ok or deposed; the server's milliseconds; of each move what became of it, empty where the entry
  stood elsewhere
]]
--- @include lib/clock
--- @include lib/schedule

local now = clock()
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'deposed', now} end
local reply = {'ok', now}

-- Whether the job of the tick before may still run.
local function is_running(name, jid, limit)
  local before, begin = string.match(redis.call('HGET', KEYS[4], name) or '', '^(.*)|(%d+)$')
  return before and before ~= jid and begin + limit > now
end

local function release(name, limit)
  local jid, item = string.match(redis.call('HGET', KEYS[5], name) or '', '^(.-)|(.*)$')
  if not item or is_running(name, '', limit) then return end
  redis.call('HDEL', KEYS[5], name)
  redis.call('HSET', KEYS[4], name, jid .. '|' .. now)
  note(KEYS[3], item, now, 0)
end

for i = 3, #ARGV, 8 do
  local name, jid, item, outcome, limit = ARGV[i], ARGV[i + 3], ARGV[i + 4], ARGV[i + 6], tonumber(ARGV[i + 7])
  local became = ''
  if tonumber(redis.call('ZSCORE', KEYS[2], name) or -1) == tonumber(ARGV[i + 1]) then
    redis.call('ZADD', KEYS[2], ARGV[i + 2], name)
    if jid ~= '' then release(name, math.abs(limit)) end
    if jid ~= '' and limit ~= 0 and is_running(name, jid, math.abs(limit)) then
      local kept = limit < 0 and redis.call('HSETNX', KEYS[5], name, jid .. '|' .. item) == 1
      outcome = kept and 'queued' or 'skipped'
    elseif jid ~= '' then
      note(KEYS[3], item, now, ARGV[2])
      if limit ~= 0 then redis.call('HSET', KEYS[4], name, jid .. '|' .. now) end
    end
    if ARGV[i + 5] ~= '' then remember(KEYS[5 + (i + 5) / 8], ARGV[i + 5], outcome, now) end
    became = outcome
  end
  reply[#reply + 1] = became
end
keep(KEYS[2], KEYS[4], KEYS[5])
return reply
