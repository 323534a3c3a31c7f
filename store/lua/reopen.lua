-- The ledger goes on in a later epoch, and recovers first. recordServer is the server of the
-- record that it goes on from, or empty.
local nextEpochText, recordServer = ARGV[1], ARGV[2]

if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
local nextEpoch = tonumber(nextEpochText)
if state == 'recovering' and nextEpoch == epoch then return 1 end
if state == 'recovering' or nextEpoch <= epoch then
  return redis.error_reply('RVCONFLICT the ledger is ' .. state .. ' in epoch ' .. epochText)
end

-- The mark goes, and so does what it says about the log. What the stream may lack is kept apart,
-- so that opening logs it again.
sealLog(epochText, revText)
local fromEpoch, fromRev = unsure()
forgetMark()
call('HSET', meta, 'epoch', nextEpochText, 'state', 'recovering', 'server', server, 'rev', '0', 'settled', '0',
  'claims', recordServer == '' and server or recordServer .. ' ' .. server,
  'from_epoch', fromEpoch, 'from_rev', fromRev)
call('HDEL', meta, 'restored', 'settling')
if settled == '1' then call('HDEL', meta, 'settle_for') end
call('DEL', prefix .. 'acked')
return 1
