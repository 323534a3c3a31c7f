-- ARGV: 1 epoch, 2 revision, 3 limit.
-- A ledger that recovers can be read too: whoever watches misses nothing.
if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state == 'fenced' then return redis.error_reply('RVFENCED epoch ' .. head[1]) end
local low = call('HMGET', meta, 'trimmed_epoch', 'trimmed_rev')
if order(tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(low[1]) or 0, tonumber(low[2]) or 0) < 0 then
  return redis.error_reply('RVTRIMMED the log starts after ' .. low[1] .. '-' .. low[2])
end
return call('XRANGE', prefix .. 'log', '(' .. ARGV[1] .. '-' .. ARGV[2], '+', 'COUNT', ARGV[3])
