-- The answer is whether the ledger is settled, if it is in this epoch.
local ofEpoch = tonumber(ARGV[1])

if ofEpoch ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. epochText) end
return settled
