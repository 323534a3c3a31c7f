-- settle(slot, the code's id, whose claim, finish | release | reopen)
local key = prefix .. 'c:' .. ARGV[1]
local h = call('HMGET', key, 'i', 'm', 'l')
if h[1] ~= ARGV[2] or not h[2] then return 0 end
if ARGV[4] == 'finish' then
  -- a too: a wrong guess that is repeated must not be taken for what used the code up
  call('HDEL', key, 'm', 'n', 'w', 'l', 'u', 'b', 'a')
  call('HSET', key, 'z', 'used')
elseif h[3] == ARGV[3] then
  call('HDEL', key, 'u')
  if ARGV[4] == 'reopen' then call('HDEL', key, 'l', 'b') end
end
return 1
