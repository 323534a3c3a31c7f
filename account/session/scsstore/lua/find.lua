-- find(hash) → data, version, created, expiry, the time; a tombstone has no version
local t = now()
local v = call('HMGET', recordOf(ARGV[1]), 'b', 'v', 'c', 'x')
if not v[2] or tonumber(v[4]) <= t then return { 'none' } end
return { 'ok', v[1], v[2], v[3], v[4], int(t) }
