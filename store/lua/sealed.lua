-- The answer has the sealed name of each of the keys that are the arguments, empty where there is none.
if #ARGV > 10000 then return redis.error_reply('RVINVALID more than 10000 keys') end
local out = {}
for i = 1, #ARGV do out[i] = call('HGET', prefix .. 's:' .. ARGV[i], 'w') or '' end
return out
