-- ARGV: 1 epoch, 2 how many states had gone when they were counted, 3 how many are to have.
if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if tonumber(ARGV[1]) ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. head[1]) end
local gone = call('HGET', meta, 'gone') or '0'
if gone == ARGV[3] then return 1 end
if gone ~= ARGV[2] then return redis.error_reply('RVCONFLICT ' .. gone .. ' states have gone') end
call('HSET', meta, 'gone', ARGV[3])
return 1
