-- rotate(id, number, hash, attempt, successor's hash, grace, idle, principal, tenant,
-- client, issuer, moves, to tenant): attempt is random, the successor is derived with it
local f = read(ARGV[1])
if not f then return reply('gone') end
local number, hash, attempt, issuer = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[11]
local stands = place(f, number, hash, attempt, tonumber(ARGV[6]))

if stands == 'ended' then
  if f.w == attempt then return reply('reused', f.g, '', f) end
  return reply('ended', f.e, still(f), f)
end
if stands == 'reused' then
  return reply('reused', conclude(f, issuer, 'refresh-token-reuse', 'policy', attempt), '', f)
end
if stands == 'ahead' then
  return reply('ended', 'refresh-token-rollback', conclude(f, issuer, 'refresh-token-rollback', 'policy', ''), f)
end
if mismatch(f, ARGV[8], ARGV[9], ARGV[10]) then return reply('other') end

-- The tenant is the family's: moving it makes no second successor.
if ARGV[12] == '1' and f.t ~= ARGV[13] then
  f.t = ARGV[13]
  call('HSET', key(f.id), 't', f.t)
end
if stands == 'again' then return reply('ok', f.r, f.h, f) end

f.n, f.l, f.x = int(number + 1), int(at), int(math.min(tonumber(f.z), at + tonumber(ARGV[7])))
call('HSET', key(f.id), 'n', f.n, 'h', ARGV[5], 'q', hash, 'r', attempt, 'l', f.l, 'x', f.x)
call('PEXPIREAT', key(f.id), f.x)
call('ZADD', base .. 'i:' .. f.k, f.x, f.id)
return reply('ok', attempt, ARGV[5], f)
