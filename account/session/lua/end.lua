-- A session is ended. The answer is what is owed. nonce is the call's own. lifetimeMs is how long any
-- session lasts.
--
-- A session that is not there is revoked all the same. Redis may have forgotten it, while tokens that
-- have its sid live on.
local sk, sid, nonce, issuer = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local reason, initiator, lifetimeMs = ARGV[5], ARGV[6], tonumber(ARGV[7])

local t = now()
local record = live(sk, t)
local id = 'session:' .. sk .. ':' .. nonce
local rest = lifetimeMs
if record then
  id = 'session:' .. sk .. ':' .. record.c
  rest = tonumber(record.e) - t
  call('DEL', recordOf(sk), tokenOf(record.h))
  call('ZREM', indexOf(record.k), sk)
else
  local earlier = call('GET', graveOf(sk))
  if earlier and still(earlier) ~= '' then return { 'ok', earlier } end
end
call('SET', graveOf(sk), id, 'PX', int(rest))
owe(id, { { scope = 'session', id = sid, issuer = issuer, reason = reason, initiator = initiator } }, t)
return { 'ok', id }
