-- A member leaves the fleet.
local id = ARGV[1]

call('DEL', prefix .. 'm:' .. id)
if call('SREM', prefix .. 'members', id) == 1 then call('HINCRBY', meta, 'generation', 1) end
return 1
