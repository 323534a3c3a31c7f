-- later(id, ms): it was tried in vain; again after so many milliseconds
call('ZADD', prefix .. 'due', 'XX', int(sure() + tonumber(ARGV[2])), ARGV[1])
return 1
