-- ARGV: 1 member, 2 the renew counter it must still have.
local member = prefix .. 'm:' .. ARGV[1]
local n = call('HGET', member, 'n')
-- While the ledger is unsettled a member may hold a longer lease than the terms grant now.
if n and (n ~= ARGV[2] or head[6] ~= '1') then return 0 end
call('DEL', member)
if call('SREM', prefix .. 'members', ARGV[1]) == 1 then call('HINCRBY', meta, 'generation', 1) end
return 1
