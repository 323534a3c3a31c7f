-- forget(identifier): no address is known to it any more
return call('DEL', base .. 'k:' .. ARGV[1])
