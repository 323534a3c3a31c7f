-- The answer is how many entries are owed.
return call('HLEN', owed)
