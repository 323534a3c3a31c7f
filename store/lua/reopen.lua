-- ARGV: 1 epoch, 2 server of the record that it goes on from.
if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
local e = tonumber(ARGV[1])
if state == 'recovering' and e == epoch then return 1 end
if state == 'recovering' or e <= epoch then
  return redis.error_reply('RVCONFLICT the ledger is ' .. state .. ' in epoch ' .. head[1])
end

-- The mark goes, and with it what it says about the log: what the stream may lack is
-- kept apart, so that opening logs it anew.
sealLog(head[1], head[4])
local fe, fr = unsure()
forgetMark()
call('HSET', meta, 'epoch', ARGV[1], 'state', 'recovering', 'server', server, 'rev', '0', 'settled', '0',
  'claims', ARGV[2] == '' and server or ARGV[2] .. ' ' .. server, 'from_epoch', fe, 'from_rev', fr)
call('HDEL', meta, 'restored', 'settling')
if head[6] == '1' then call('HDEL', meta, 'settle_for') end
call('DEL', prefix .. 'acked')
return 1
