-- A member that does not renew is struck off. renewals is the counter that it must still have.
-- stillNs is for how long the counter was seen to stand still, in ns.
local class, id, renewals, stillNs = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local _, _, counter = parseMember(call('HGET', hashOf(class), 'm:' .. id))
-- While the ledger is unsettled a member may hold a longer lease than the terms grant now.
if counter and (counter ~= renewals or settled ~= '1') then return 0 end
-- W = L·(1+ρ)/(1−ρ) + 10 ms, under the present terms. The caller may know older ones.
if counter and stillNs < leaseNs * (1 + drift) / (1 - drift) + 9999000 then return 0 end
remove(class, id)
return 1
