-- The ledger is settled in this epoch, unless it has become unsettled again since the wait began.
-- wasSettling is how often it had become unsettled by then.
local ofEpoch, wasSettling = tonumber(ARGV[1]), ARGV[2]

if ofEpoch ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. epochText) end
local settling = call('HGET', meta, 'settling') or '0'
if settling ~= wasSettling then
  return redis.error_reply('RVCONFLICT the ledger has become unsettled ' .. settling .. ' times')
end
call('HSET', meta, 'settled', '1')
call('HDEL', meta, 'settle_for')
return 1
