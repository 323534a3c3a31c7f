-- Only an open ledger is worked on.
if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state == 'fenced' then return redis.error_reply('RVFENCED epoch ' .. head[1]) end
if state ~= 'open' then return redis.error_reply('RVRECOVERING epoch ' .. head[1]) end
