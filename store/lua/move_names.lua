-- The realm's keys become those of other name secrets. An open ledger goes on in the epoch nextEpochText, and
-- recovers first: until all of its states have their new keys it serves nobody. One that is recovering that epoch
-- stays in it. oldTerms are those that the caller compared newTerms with.
local nextEpochText, newTerms, oldTerms = ARGV[1], ARGV[2], ARGV[3]

if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state == 'fenced' then return redis.error_reply('RVFENCED epoch ' .. epochText) end
if state == 'recovering' and nextEpochText ~= epochText then
  return redis.error_reply('RVEPOCH the ledger is recovering epoch ' .. epochText)
end
if terms == newTerms then return terms end
if terms ~= oldTerms then return terms end
if state == 'open' and tonumber(nextEpochText) <= epoch then
  return redis.error_reply('RVEPOCH the ledger is in epoch ' .. epochText)
end

-- What the log has is under the old keys. It counts as trimmed, so that no worker reads it and nothing of it is
-- logged again. A state of it may be missing in the stream, and is logged again when something covers it.
forgetMark()
call('HSET', meta, 'terms', newTerms, 'rekey', '1', 'trimmed_epoch', epochText, 'trimmed_rev', revText,
  'doubt', epochText, 'doubt_born', bornText or '0', 'from_epoch', epochText, 'from_rev', revText,
  'moved_turn', call('HGET', meta, 'leads_turn') or '0')
if state == 'open' then
  call('HSET', meta, 'epoch', nextEpochText, 'state', 'recovering', 'rev', '0', 'settled', '0', 'claims', server)
  call('HDEL', meta, 'restored', 'settling')
  if settled == '1' then call('HDEL', meta, 'settle_for') end
  call('DEL', prefix .. 'acked')
end
return newTerms
