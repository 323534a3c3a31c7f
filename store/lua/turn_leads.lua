-- A turn of the book is over. What was seen before it is forgotten.
local over = tonumber(ARGV[1])

if turnOf() == over then call('HINCRBY', LEADS, 'turn', 1) end
return int(turnOf())
