--[[
Push jobs into their queues and into the schedule, all of them, once.

KEYS
  1 receipt      string    says that this push has been
  2 queues       set       names of queues
  3 schedule     zset      jobs that are due later
  4... queue     list      one per queue name
ARGV
  1 ttl          integer   milliseconds the receipt is kept
  2... messages  string    the queues' names in the order of their keys; then per job where it goes and its payload
RETURNS
  1 if they were pushed, 0 if this push has been before
SLOTS many
]]
--- @include lib/enqueue

local names = #KEYS - 3
local jobs, checked = {}, {}
for i = 2 + names, #ARGV do jobs[#jobs + 1] = ARGV[i] end
for i = 1, #jobs, 2 do
  local where = jobs[i]
  if not checked[where] then
    local number = tonumber(where)
    if not tonumber(string.match(where, '^@(.+)$')) and not (number and KEYS[3 + number] and number > 0) then
      return redis.error_reply('ERR push: no queue has the number ' .. where)
    end
    checked[where] = true
  end
end
if not redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1]) then return 0 end
enqueue(KEYS[2], KEYS[3], function(number) return KEYS[3 + number], ARGV[1 + number] end, jobs)
return 1
