-- ARGV: 1 epoch, 2 terms.
if epoch then return redis.error_reply('RVCONFLICT the ledger is ' .. state .. ' in epoch ' .. head[1]) end
call('HSET', meta, 'epoch', ARGV[1], 'state', 'recovering', 'server', server, 'rev', '0', 'generation', '0',
  'settled', '0', 'terms', ARGV[2], 'claims', server, 'record', '0',
  'durable_epoch', ARGV[1], 'durable_rev', '0', 'trimmed_epoch', '0', 'trimmed_rev', '0')
call('DEL', prefix .. 'acked', prefix .. 'witnesses')
return 1
