-- The states were counted, and some had vanished. wasGone is how many had gone when they were
-- counted, and willBeGone is how many are to have gone.
local ofEpoch, wasGone, willBeGone = tonumber(ARGV[1]), ARGV[2], ARGV[3]

if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if ofEpoch ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. epochText) end
local gone = call('HGET', meta, 'gone') or '0'
if gone == willBeGone then return 1 end
if gone ~= wasGone then return redis.error_reply('RVCONFLICT ' .. gone .. ' states have gone') end
call('HSET', meta, 'gone', willBeGone)
return 1
