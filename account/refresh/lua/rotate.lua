-- A token is exchanged for its successor. attempt is random, and the successor is derived with it.
-- successor is its hash. principal, tenant and client are keys, and may be empty. seen: find saw the
-- token as good, and the ledger was asked since then. newTenant and newBody are not there, or they
-- are the key of the tenant that the family moves to and the body that it has there.
local id, number, hash, attempt, successor = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local graceMs, idleMs = tonumber(ARGV[6]), tonumber(ARGV[7])
local principal, tenant, client, issuer = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local seen, newTenant, newBody = ARGV[12] == '1', ARGV[13], ARGV[14]

local f = read(id)
if not f then return reply('gone') end
local stands = place(f, number, hash, attempt, graceMs, seen)

if stands == 'ended' then
  local endedBy, owing = unpack(call('HMGET', key(f.id), 'w', 'g'))
  if endedBy == attempt then return reply('reused', owing, '', f) end
  return reply('ended', f.why, still(f), f)
end
if stands == 'reused' then
  return reply('reused', conclude(f, issuer, 'refresh-token-reuse', 'policy', attempt), '', f)
end
if stands == 'ahead' then
  return reply('ended', 'refresh-token-rollback', conclude(f, issuer, 'refresh-token-rollback', 'policy', ''), f)
end
if stands == 'late' then return reply('rotated', '', '', f) end
if mismatch(f, principal, tenant, client) then return reply('other') end

-- The tenant is the family's: moving the family makes no second successor.
if newTenant then
  f.fixed, f.body = withTenant(f.fixed, newTenant), newBody
  call('HSET', key(f.id), 'u', f.fixed, 'b', f.body)
end
if stands == 'again' then return reply('ok', f.attempt, f.hash, f) end

-- The family itself says when it expires. Redis and the index forget it up to a sixteenth of the idle
-- time later. So not every rotation has to tell them.
local expires, forgotten = math.min(f.ends, at + idleMs), f.forgotten
if expires > forgotten then
  forgotten = math.min(f.ends, expires + math.floor(idleMs / 16))
  call('PEXPIREAT', key(f.id), int(forgotten))
  call('ZADD', base .. 'i:' .. f.who, int(forgotten), f.id)
end
f.moving = moving(successor, expires, forgotten, f.ends, number + 1, at, attempt, hash)
call('HSET', key(f.id), 'm', f.moving)
return reply('ok', attempt, successor, f)
