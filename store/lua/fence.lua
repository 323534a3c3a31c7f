-- ARGV: 1 epoch.
if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if tonumber(ARGV[1]) ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. head[1]) end
call('HSET', meta, 'state', 'fenced')
return 1
