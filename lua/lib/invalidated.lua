-- Whether a batch, or one above it, is no longer wanted.
local function is_invalidated(record, invalidated, bid)
  if redis.call('ZSCORE', invalidated, bid) then return true end
  for above in string.gmatch(redis.call('HGET', record, 'path') or '', '[^,]+') do
    if redis.call('ZSCORE', invalidated, above) then return true end
  end
  return false
end
