-- The answer is the log after a position, up to a limit of entries. A ledger that recovers can be
-- read too, so that a reader who watches misses nothing.
local afterEpoch, afterRev, limit = ARGV[1], ARGV[2], ARGV[3]

if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state == 'fenced' then return redis.error_reply('RVFENCED epoch ' .. epochText) end
local trimmedEpoch, trimmedRev = unpack(call('HMGET', meta, 'trimmed_epoch', 'trimmed_rev'))
if order(tonumber(afterEpoch), tonumber(afterRev), tonumber(trimmedEpoch) or 0, tonumber(trimmedRev) or 0) < 0 then
  return redis.error_reply('RVTRIMMED the log starts after ' .. trimmedEpoch .. '-' .. trimmedRev)
end
return call('XRANGE', prefix .. 'log', '(' .. afterEpoch .. '-' .. afterRev, '+', 'COUNT', limit)
