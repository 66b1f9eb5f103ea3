-- What scripts of a schedule share: what is to be done is written down, history is kept short, all of it for a year.
local KEEP = 31536000000  -- 365 days
local HISTORY = 100

local function keep(...)
  for _, key in ipairs({...}) do redis.call('PEXPIRE', key, KEEP) end
end

local function note(out, item, now, grace)
  redis.call('ZADD', out, now + grace, item)
  redis.call('PEXPIRE', out, KEEP)
end

-- `line` is JSON without its end.
local function remember(history, line, outcome, now)
  redis.call('LPUSH', history, line .. ',"outcome":"' .. outcome .. '","at":' .. now .. '}')
  redis.call('LTRIM', history, 0, HISTORY - 1)
  redis.call('PEXPIRE', history, KEEP)
end

-- Whether an entry is file's or code's: what is done at run time, as part of no deploy, leaves it alone.
local function is_theirs(entries, name, number)
  local definition = number == '0' and redis.call('HGET', entries, name)
  return definition and not string.find(definition, '"source":"runtime"', 1, true)
end

-- Whether a later deploy has begun than the one of that number.
local function is_superseded(meta, number)
  return number ~= '0' and redis.call('HGET', meta, 'deploy') ~= number
end
