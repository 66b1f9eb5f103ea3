-- What the scripts of periodic jobs share.
local KEEP = 31536000000  -- 365 days: how long what a schedule has come to is kept; longer than anything sleeps
