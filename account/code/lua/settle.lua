-- A claim to the code with this id is settled. How is 'finish', 'release' or 'reopen'.
local slot, id, claim, how = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local key = prefix .. 'c:' .. slot
local lastID, mac, claimedBy = unpack(call('HMGET', key, 'i', 'm', 'l'))
if lastID ~= id or not mac then return 0 end
if how == 'finish' then
  -- The last call (a) goes too. A wrong guess that is repeated must not be taken for what used the
  -- code up.
  call('HDEL', key, 'm', 'n', 'w', 'l', 'u', 'b', 'a')
  call('HSET', key, 'z', 'used')
elseif claimedBy == claim then
  call('HDEL', key, 'u')
  if how == 'reopen' then call('HDEL', key, 'l', 'b') end
end
return 1
