-- Items are owed under an id, for something that was decided elsewhere.
local id, items = ARGV[1], ARGV[2]

call('HSET', owed, id, items)
call('ZADD', prefix .. 'due', int(sure() + 5000), id)
return 1
