-- A session's data is written, for ttl ms. The answer is what is owed. With a version, data is what
-- the session had at that version. If it still has it, only the expiry moves. mark is the call's own.
-- It tells a caller whose reply was lost that it has been here.
local hash, ttl, data, mark = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local readVersion, issuer, sid = ARGV[5], ARGV[6], ARGV[7]

local t = now()
local version, ends, created, lastMark, dead = unpack(call('HMGET', recordOf(hash), 'v', 'x', 'c', 'w', 'dead'))
if dead then return { 'gone', '' } end -- what was deleted is not brought back

local there = version and tonumber(ends) > t
local id = 'scs:' .. sid .. ':' .. (created or '') .. ':'
if there and lastMark == mark then return { 'ok', still(id .. version) } end
if there and readVersion == version then
  local newEnds = t + ttl
  if math.abs(newEnds - tonumber(ends)) >= math.min(60000, ttl / 4) then keep(hash, newEnds) end
  return { 'ok', '' }
end

call('ZREMRANGEBYSCORE', everyone, '-inf', int(t))
local nextVersion = there and int(tonumber(version) + 1) or '1'
call('HSET', recordOf(hash), 'b', data, 'v', nextVersion, 'c', there and created or int((begins(true))), 'w', mark)
keep(hash, t + ttl)
if not there then return { 'ok', '' } end -- nobody can have it in a cache
id = id .. nextVersion
owe(id, { { kind = 'invalidate', scope = 'session', id = sid, issuer = issuer } }, t)
return { 'ok', id }
