-- issue(id, hash, who, tenant's key, client's key, session, body, auth, lifetime, idle)
local id, hash, who, session, auth = ARGV[1], ARGV[2], ARGV[3], ARGV[6], tonumber(ARGV[8])
local lifetime, idle = tonumber(ARGV[9]), tonumber(ARGV[10])

local f = read(id)
if f then return reply('ok', '', '', f) end -- the reply was lost: ids are random

local person = base .. 'p:' .. who
local past = call('HMGET', person, 'c', 'f', 'k', 'n')
local cut, newest = tonumber(past[1] or 0), tonumber(past[4] or 0)
-- A login right after everything was revoked, in the same millisecond or with a clock
-- that was set back, is later than the cut-off. A cut-off that lies ahead of both clocks was
-- made when both were wrong, and keeps nobody out.
local begin, agreed = begins()
if agreed and cut > begin + apart then cut = 0 end
local latest = begin
if agreed then latest = math.max(begin, cut + 1) end
if auth == 0 then auth = latest end
if past[3] == session then cut = math.min(cut, tonumber(past[2])) end
if auth <= cut then return reply('revoked') end
-- A caller's clock may be ahead of ours: a login in the future would outrun cut-offs.
auth = math.min(auth, latest)
local ends = auth + lifetime
if ends <= at then return reply('expired') end

local x = math.min(ends, at + idle)
f = {
  id = id, b = ARGV[7],
  m = table.concat({ hash, int(x), int(x), int(ends), '0', int(at), '-', '-' }, ' '),
  u = table.concat({ who, ARGV[4], ARGV[5], int(auth), int(latest) }, ' '),
}
call('HSET', key(id), 'm', f.m, 'u', f.u, 'b', f.b, 's', session)
call('PEXPIREAT', key(id), int(x))
prune(who)
call('ZADD', base .. 'i:' .. who, int(x), id)
outlast(base .. 'i:' .. who, ends) -- and rotating never makes a family outlive this
call('HSET', person, 'n', int(math.max(auth, newest)))
outlast(person, ends)
return reply('ok', '', '', f)
