-- find(hash) → data, version, created, expiry, the time
local t = now()
local v = call('HMGET', recordOf(ARGV[1]), 'b', 'v', 'c', 'x', 'dead')
if v[5] or not v[1] or tonumber(v[4]) <= t then return { 'none' } end
return { 'ok', v[1], v[2], v[3], v[4], int(t) }
