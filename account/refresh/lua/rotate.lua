-- rotate(id, number, hash, attempt, successor's hash, grace, idle, principal's key, tenant's
-- key, client's key, issuer, seen[, key of the tenant to move to, body there]): attempt is
-- random, the successor is derived with it; seen is 1 where find saw the token as good, and
-- somebody was asked since
local f = read(ARGV[1])
if not f then return reply('gone') end
local number, hash, attempt, issuer = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[11]
local stands = place(f, number, hash, attempt, tonumber(ARGV[6]), ARGV[12] == '1')

if stands == 'ended' then
  local by = call('HMGET', key(f.id), 'w', 'g')
  if by[1] == attempt then return reply('reused', by[2], '', f) end
  return reply('ended', f.e, still(f), f)
end
if stands == 'reused' then
  return reply('reused', conclude(f, issuer, 'refresh-token-reuse', 'policy', attempt), '', f)
end
if stands == 'ahead' then
  return reply('ended', 'refresh-token-rollback', conclude(f, issuer, 'refresh-token-rollback', 'policy', ''), f)
end
if stands == 'late' then return reply('rotated', '', '', f) end
if mismatch(f, ARGV[8], ARGV[9], ARGV[10]) then return reply('other') end

-- The tenant is the family's: moving it makes no second successor.
if ARGV[13] then
  f.u, f.b = string.sub(f.u, 1, 33) .. ARGV[13] .. string.sub(f.u, 66), ARGV[14]
  call('HSET', key(f.id), 'u', f.u, 'b', f.b)
end
if stands == 'again' then return reply('ok', f.r, f.h, f) end

-- What expires is known from x. Redis and the index forget the family up to a sixteenth of
-- the idle time later, so that not every rotation has to tell them.
local idle = tonumber(ARGV[7])
local x, y = math.min(f.z, at + idle), f.y
if x > y then
  y = math.min(f.z, x + math.floor(idle / 16))
  call('PEXPIREAT', key(f.id), int(y))
  call('ZADD', base .. 'i:' .. f.k, int(y), f.id)
end
f.m = string.format('%s %.0f %.0f %.0f %.0f %.0f %s %s', ARGV[5], x, y, f.z, number + 1, at, attempt, hash)
call('HSET', key(f.id), 'm', f.m)
return reply('ok', attempt, ARGV[5], f)
