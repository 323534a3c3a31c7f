-- ARGV: 1 epoch, 2 how often it had become unsettled when the wait began.
if tonumber(ARGV[1]) ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. head[1]) end
local settling = call('HGET', meta, 'settling') or '0'
if settling ~= ARGV[2] then return redis.error_reply('RVCONFLICT the ledger has become unsettled ' .. settling .. ' times') end
call('HSET', meta, 'settled', '1')
call('HDEL', meta, 'settle_for')
return 1
