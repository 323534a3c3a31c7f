-- A family is started with its first token, which has this hash. who, tenant and client are keys.
-- body has names and data, as Go packs them. auth is when the login was, in ms, or 0 where it is the present time.
local id, hash, who, tenant, client = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local session, body, auth = ARGV[6], ARGV[7], tonumber(ARGV[8])
local lifetimeMs, idleMs = tonumber(ARGV[9]), tonumber(ARGV[10])

local f = read(id)
if f then return reply('ok', '', '', f) end -- the reply was lost: ids are random

local person = base .. 'p:' .. who
local pastCut, floor, kept, pastNewest = unpack(call('HMGET', person, 'c', 'f', 'k', 'n'))
local cut, newest = tonumber(pastCut or 0), tonumber(pastNewest or 0)
-- A login right after everything was revoked is later than the cut-off, even in the same
-- millisecond, or by a clock that was set back. A cut-off that lies ahead of both clocks was made
-- when both were wrong. It keeps nobody out.
local begin, agreed = begins()
if agreed and cut > begin + apart then cut = 0 end
local latest = begin
if agreed then latest = math.max(begin, cut + 1) end
if auth == 0 then auth = latest end
if kept == session then cut = math.min(cut, tonumber(floor)) end
if auth <= cut then return reply('revoked') end
-- A caller's clock may be ahead of ours. A login in the future would be later than cut-offs to come.
auth = math.min(auth, latest)
local ends = auth + lifetimeMs
if ends <= at then return reply('expired') end

local expires = math.min(ends, at + idleMs)
f = {
  id = id, body = body,
  moving = moving(hash, expires, expires, ends, 0, at, '-', '-'),
  fixed = table.concat({ who, tenant, client, int(auth), int(latest) }, ' '),
}
call('HSET', key(id), 'm', f.moving, 'u', f.fixed, 'b', f.body, 's', session)
call('PEXPIREAT', key(id), int(expires))
prune(who)
call('ZADD', base .. 'i:' .. who, int(expires), id)
outlast(base .. 'i:' .. who, ends) -- rotating never makes a family live for longer than this
call('HSET', person, 'n', int(math.max(auth, newest)))
outlast(person, ends)
return reply('ok', '', '', f)
