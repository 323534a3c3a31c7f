-- end(sk, sid, nonce, issuer, reason, initiator, lifetime) → what is owed
--
-- A session that is not there is revoked all the same: Redis may have forgotten it while
-- tokens that bear its sid live on.
local sk = ARGV[1]
local t = now()
local r = live(sk, t)
local id = 'session:' .. sk .. ':' .. ARGV[3]
local rest = tonumber(ARGV[7])
if r then
  id = 'session:' .. sk .. ':' .. r.c
  rest = tonumber(r.e) - t
  call('DEL', recordOf(sk), tokenOf(r.h))
  call('ZREM', indexOf(r.k), sk)
else
  local earlier = call('GET', graveOf(sk))
  if earlier and call('HEXISTS', owed, earlier) == 1 then return { 'ok', earlier } end
end
call('SET', graveOf(sk), id, 'PX', int(rest))
owe(id, { { scope = 'session', id = ARGV[2], issuer = ARGV[4], reason = ARGV[5], initiator = ARGV[6] } }, t)
return { 'ok', id }
