-- discard(slot, the id of the code that is spared or '', why) → 1 where a code that was good is
-- good no more. The counts stay.
local key = prefix .. 'c:' .. ARGV[1]
local h = call('HMGET', key, 'm', 'i')
if not h[1] or h[2] == ARGV[2] then return 0 end
-- a too: a wrong guess that is repeated must hear that there is nothing to guess at
call('HDEL', key, 'm', 'l', 'u', 'b', 'a')
call('HSET', key, 'z', ARGV[3])
return 1
