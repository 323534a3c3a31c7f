-- count() → how many are owed
return call('HLEN', owed)
