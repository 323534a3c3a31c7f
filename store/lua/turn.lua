-- ARGV: 1 task, 2 holder, 3 for how long (ms).
local key = prefix .. 'turn:' .. ARGV[1]
local holder = call('GET', key)
if holder and holder ~= ARGV[2] then return 0 end
call('SET', key, ARGV[2], 'PX', ARGV[3])
return 1
