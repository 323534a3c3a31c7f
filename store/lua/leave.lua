-- ARGV: 1 member.
call('DEL', prefix .. 'm:' .. ARGV[1])
if call('SREM', prefix .. 'members', ARGV[1]) == 1 then call('HINCRBY', meta, 'generation', 1) end
return 1
