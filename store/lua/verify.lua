-- ARGV: 1 epoch.
if tonumber(ARGV[1]) ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. head[1]) end
return head[6]
