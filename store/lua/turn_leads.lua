-- A turn of the books is over. What was seen before it is forgotten.
local over = tonumber(ARGV[1])

if turnOf() == over then call('HINCRBY', meta, 'leads_turn', 1) end
return int(turnOf())
