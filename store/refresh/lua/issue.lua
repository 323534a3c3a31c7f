-- issue(id, hash, who, principal, session, tenant, client, scope, data, auth, lifetime, idle)
local id, hash, who, auth = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[10])
local lifetime, idle = tonumber(ARGV[11]), tonumber(ARGV[12])

local f = read(id)
if f then return reply('ok', '', '', f) end -- the reply was lost: ids are random

local person = base .. 'p:' .. who
local past = call('HMGET', person, 'c', 'f', 'k', 'n')
local cut, newest = tonumber(past[1] or 0), tonumber(past[4] or 0)
-- A login right after everything was revoked, in the same millisecond or with a clock
-- that was set back, is later than the cut-off.
local latest = math.max(at, cut + 1)
if auth == 0 then auth = latest end
if past[3] and past[3] == ARGV[5] then cut = tonumber(past[2]) end
if auth <= cut then return reply('revoked') end
-- A caller's clock may be ahead of ours: a login in the future would outrun cut-offs.
auth = math.min(auth, latest)
local ends = auth + lifetime
if ends <= at then return reply('expired') end

local x = math.min(ends, at + idle)
f = {
  id = id, p = ARGV[4], s = ARGV[5], t = ARGV[6], c = ARGV[7], o = ARGV[8], d = ARGV[9],
  a = int(auth), i = int(at), l = int(at), x = int(x), z = int(ends), n = '0',
}
call('HSET', key(id), 'h', hash, 'k', who, 'p', f.p, 's', f.s, 't', f.t, 'c', f.c, 'o', f.o, 'd', f.d,
  'a', f.a, 'i', f.i, 'l', f.l, 'x', f.x, 'z', f.z, 'n', f.n)
call('PEXPIREAT', key(id), f.x)
prune(who)
call('ZADD', base .. 'i:' .. who, f.x, id)
outlast(base .. 'i:' .. who, ends) -- and rotating never makes a family outlive this
call('HSET', person, 'n', int(math.max(auth, newest)))
outlast(person, ends)
return reply('ok', '', '', f)
