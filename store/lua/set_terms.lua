-- ARGV: 1 terms, 2 the terms that they were compared with, 3 how long the ledger is
-- unsettled by the change (ns), 0 if it is not. Answers with the terms that stand.
if head[7] == ARGV[1] or head[7] ~= ARGV[2] then return head[7] end
call('HSET', meta, 'terms', ARGV[1])
if ARGV[3] ~= '0' then
  -- What an earlier change still waits for is waited for too.
  local longest = ARGV[3]
  local before = call('HGET', meta, 'settle_for')
  if before and below(longest, before) then longest = before end
  call('HSET', meta, 'settled', '0', 'settle_for', longest)
  call('HINCRBY', meta, 'settling', 1)
end
return ARGV[1]
