-- take(id) → Redis' clock, the earlier of both, what is owed under id or '', the positions at which it was
-- committed lately or ''
return { int(now()), int(sure()), call('HGET', owed, ARGV[1]) or '', call('GET', prefix .. 'told:' .. ARGV[1]) or '' }
