-- An entry was tried in vain. It is due again after inMs.
local id, inMs = ARGV[1], tonumber(ARGV[2])

call('ZADD', prefix .. 'due', 'XX', int(sure() + inMs), id)
return 1
