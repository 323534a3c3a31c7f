-- owe(id, items): for what was decided elsewhere
call('HSET', owed, ARGV[1], ARGV[2])
call('ZADD', prefix .. 'due', int(sure() + 5000), ARGV[1])
return 1
