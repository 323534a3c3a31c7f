-- The ledger is fenced if it is in this epoch.
local ofEpoch = tonumber(ARGV[1])

if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if ofEpoch ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. epochText) end
call('HSET', meta, 'state', 'fenced')
return 1
