-- No address is known to the identifier any more.
local identifier = ARGV[1]

return call('DEL', base .. 'k:' .. identifier)
