-- Fault: a library reads KEYS.
local function record()
  return KEYS[1]
end
