-- A member leaves the fleet.
local id = ARGV[1]

remove(ownClass, id)
return 1
