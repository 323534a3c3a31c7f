-- rotate(old, new, idle, issuer, reason, initiator) → the session under its new token
local old, new = ARGV[1], ARGV[2]
local t = now()
local id = 'token:' .. string.sub(old, 1, 32)
local sk, r, flat = bearer(new, t)
if sk then -- the reply of the first time was lost
  return answer(call('HEXISTS', owed, id) == 1 and id or '', t, r, flat)
end
sk, r, flat = bearer(old, t)
if not sk then return { 'none' } end
call('DEL', tokenOf(old))
call('HSET', recordOf(sk), 'h', new)
r.h = new
call('SET', tokenOf(new), sk, 'PX', int(tonumber(r.x) - t))
used(sk, r, t, tonumber(ARGV[3]))
owe(id, { { scope = 'token', id = string.sub(old, 1, 32), issuer = ARGV[4], reason = ARGV[5], initiator = ARGV[6] } }, t)
return answer(id, t, r, flat)
