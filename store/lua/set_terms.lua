-- ARGV: 1 terms.
call('HSET', meta, 'terms', ARGV[1])
return 1
