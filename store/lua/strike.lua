-- ARGV: 1 member, 2 the renew counter it must still have, 3 how long that was seen to
-- stand still (ns).
local member = prefix .. 'm:' .. ARGV[1]
local n = call('HGET', member, 'n')
-- While the ledger is unsettled a member may hold a longer lease than the terms grant now.
if n and (n ~= ARGV[2] or head[6] ~= '1') then return 0 end
-- W = L·(1+ρ)/(1−ρ) + 10 ms, under the terms of now: who strikes may know older ones.
local lease, drift = string.match(head[7], '^(%S+) (%S+)')
lease, drift = tonumber(lease), tonumber(drift)
if n and tonumber(ARGV[3]) < lease * (1 + drift) / (1 - drift) + 9999000 then return 0 end
call('DEL', member)
if call('SREM', prefix .. 'members', ARGV[1]) == 1 then call('HINCRBY', meta, 'generation', 1) end
return 1
