-- abort(…): this try has changed nothing. Earlier ones may have.
strike(ARGV[2])
return 1
