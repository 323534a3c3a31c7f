-- done(id): the ledger has it
call('HDEL', owed, ARGV[1])
call('ZREM', prefix .. 'due', ARGV[1])
return 1
