-- take(id) → what is owed under id, nothing if nothing is any more
return call('HGET', owed, ARGV[1]) or ''
