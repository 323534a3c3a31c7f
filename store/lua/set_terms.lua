-- The terms change, if those that the caller compared them with still stand. unsettledNs is for how
-- long the change leaves the ledger unsettled, in ns. It is 0 if it does not. The answer is the
-- terms that stand.
local newTerms, oldTerms, unsettledNs = ARGV[1], ARGV[2], ARGV[3]

if terms == newTerms or terms ~= oldTerms then return terms end
call('HSET', meta, 'terms', newTerms)
if unsettledNs ~= '0' then
  -- An earlier change may still wait for something. That is waited for too.
  local longest = unsettledNs
  local before = call('HGET', meta, 'settle_for')
  if before and below(longest, before) then longest = before end
  call('HSET', meta, 'settled', '0', 'settle_for', longest)
  call('HINCRBY', meta, 'settling', 1)
end
return newTerms
