-- ARGV: 1 the turn that is over. What was seen before it is forgotten.
if turnOf() == tonumber(ARGV[1]) then call('HINCRBY', LEADS, 'turn', 1) end
return int(turnOf())
