-- A script with this text works on an open ledger only.
if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state == 'fenced' then return redis.error_reply('RVFENCED epoch ' .. epochText) end
if state ~= 'open' then return redis.error_reply('RVRECOVERING epoch ' .. epochText) end
