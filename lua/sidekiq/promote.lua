--[[
Move jobs that are due to their queues, each that still waits. One that cannot be read goes to the dead instead.

KEYS
  1 waiting   zset      jobs by the second they are due
  2 queues    set       queue names
  3 dead      zset      jobs that will not run again
  4... queue  list      one per name
ARGV
  1 nnames    integer   how many queue names follow
  2... rest   string    the names in the order of their keys; then three per job: payload as it waits, number of its queue
     from 1 or 0 for the dead, payload to push
RETURNS
  how many were moved
SLOTS many
]]
--- @include lib/clock

local names, moved, known = tonumber(ARGV[1]), 0, {}
for i = 2 + names, #ARGV, 3 do
  local number = tonumber(ARGV[i + 1])
  assert(number and number <= names and #ARGV >= i + 2, 'a job needs its payloads and a queue that is named')
end
for i = 2 + names, #ARGV, 3 do
  if redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then
    local number = tonumber(ARGV[i + 1])
    if number == 0 then
      redis.call('ZADD', KEYS[3], string.format('%.3f', clock() / 1000), ARGV[i + 2])
    else
      if not known[number] then
        redis.call('SADD', KEYS[2], ARGV[1 + number])
        known[number] = true
      end
      redis.call('LPUSH', KEYS[3 + number], ARGV[i + 2])
    end
    moved = moved + 1
  end
end
return moved
