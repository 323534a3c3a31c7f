-- commit(hash, ttl, data, mark, version, issuer, sid) → what is owed. With a version, data
-- is what the session had at it: where it still has, only the expiry moves.
--
-- Mark is the caller's own, so that one whose reply was lost sees that it has been here.
local hash, ttl, version = ARGV[1], tonumber(ARGV[2]), ARGV[5]
local t = now()
local v = call('HMGET', recordOf(hash), 'v', 'x', 'c', 'w', 'dead')
if v[5] then return { 'gone', '' } end -- what was deleted is not brought back

local there = v[1] and tonumber(v[2]) > t
local id = 'scs:' .. ARGV[7] .. ':' .. (v[3] or '') .. ':'
if there and v[4] == ARGV[4] then return { 'ok', still(id .. v[1]) } end
if there and version == v[1] then
  local x = t + ttl
  if math.abs(x - tonumber(v[2])) >= math.min(60000, ttl / 4) then keep(hash, x) end
  return { 'ok', '' }
end

call('ZREMRANGEBYSCORE', everyone, '-inf', int(t))
local next = there and int(tonumber(v[1]) + 1) or '1'
call('HSET', recordOf(hash), 'b', ARGV[3], 'v', next, 'c', there and v[3] or int((begins(true))), 'w', ARGV[4])
keep(hash, t + ttl)
if not there then return { 'ok', '' } end -- nobody can have it in a cache
id = id .. next
owe(id, { { kind = 'invalidate', scope = 'session', id = ARGV[7], issuer = ARGV[6] } }, t)
return { 'ok', id }
