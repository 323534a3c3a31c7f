-- The answer is the data, version, beginning and expiry of a session, and the time. A tombstone has
-- no version.
local hash = ARGV[1]

local t = now()
local data, version, created, ends = unpack(call('HMGET', recordOf(hash), 'b', 'v', 'c', 'x'))
if not version or tonumber(ends) <= t then return { 'none' } end
return { 'ok', data, version, created, ends, int(t) }
