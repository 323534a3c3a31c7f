-- The code of a slot is good no more, unless it has the id that is spared, which may be empty. The
-- answer is 1 where it was good. The counts stay. why is what becomes of the code.
local slot, spared, why = ARGV[1], ARGV[2], ARGV[3]

local key = prefix .. 'c:' .. slot
local mac, id = unpack(call('HMGET', key, 'm', 'i'))
if not mac or id == spared then return 0 end
-- The last call (a) goes too. A wrong guess that is repeated must hear that there is no code to guess.
call('HDEL', key, 'm', 'l', 'u', 'b', 'a')
call('HSET', key, 'z', why)
return 1
