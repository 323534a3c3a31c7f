-- take(id) → the clock, what is owed under id or '', the positions at which it was
-- committed lately or ''
return { int(now()), call('HGET', owed, ARGV[1]) or '', call('GET', prefix .. 'told:' .. ARGV[1]) or '' }
