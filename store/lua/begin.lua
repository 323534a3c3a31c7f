-- ARGV: 1 epoch, 2 terms.
if epoch then return redis.error_reply('RVCONFLICT the ledger is ' .. state .. ' in epoch ' .. head[1]) end
-- States may be left of a ledger whose hash was deleted; the numbers of new ones begin
-- beyond all of theirs: no epoch makes so many.
local base = int(tonumber(ARGV[1]) * 4294967296)
call('HSET', meta, 'born', base, 'gone', base)
call('HSET', meta, 'epoch', ARGV[1], 'state', 'recovering', 'server', server, 'rev', '0', 'generation', '0',
  'settled', '0', 'terms', ARGV[2], 'claims', server, 'record', '0',
  'durable_epoch', ARGV[1], 'durable_rev', '0', 'trimmed_epoch', '0', 'trimmed_rev', '0')
-- A ledger that holds nothing has all of it in its log.
if call('EXISTS', prefix .. 'log') == 0 then call('XADD', prefix .. 'log', 'MAXLEN', 0, ARGV[1] .. '-0', 'k', 0) end
call('DEL', prefix .. 'acked', prefix .. 'witnesses')
return 1
