-- A ledger begins in the first epoch that it is given.
local firstEpoch, firstTerms = ARGV[1], ARGV[2]

if epoch then return redis.error_reply('RVCONFLICT the ledger is ' .. state .. ' in epoch ' .. epochText) end
-- States may be left of a ledger whose hash was deleted. The numbers of new states begin beyond
-- all of theirs, because no epoch makes so many.
local base = int(tonumber(firstEpoch) * 4294967296)
call('HSET', meta, 'born', base, 'gone', base)
call('HSET', meta, 'epoch', firstEpoch, 'state', 'recovering', 'server', server, 'rev', '0', 'classes', 'default',
  'settled', '0', 'terms', firstTerms, 'claims', server, 'record', '0',
  'durable_epoch', firstEpoch, 'durable_rev', '0', 'trimmed_epoch', '0', 'trimmed_rev', '0')
if generationOf('default') == 'x' then turnOver('default') end
-- A ledger that holds nothing has all of it in its log.
if call('EXISTS', prefix .. 'log') == 0 then call('XADD', prefix .. 'log', 'MAXLEN', 0, firstEpoch .. '-0', 'k', 0) end
call('DEL', prefix .. 'acked', prefix .. 'witnesses')
return 1
