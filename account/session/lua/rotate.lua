-- A session gets a new token in place of the old one. The answer is the session. old and new are the
-- tokens' hashes. reason and initiator are those of the old token's end.
local old, new, idleMs, issuer, reason, initiator =
  ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]

local t = now()
local oldID = string.sub(old, 1, 32)
local id = 'token:' .. oldID
local sk, record, flat = bearer(new, t)
if sk then return answer(still(id), t, record, flat) end -- the reply of the first time was lost
sk, record, flat = bearer(old, t)
if not sk then return { 'none' } end
call('DEL', tokenOf(old))
call('HSET', recordOf(sk), 'h', new)
record.h = new
call('SET', tokenOf(new), sk, 'PX', int(tonumber(record.x) - t))
used(sk, record, t, idleMs)
owe(id, { { scope = 'token', id = oldID, issuer = issuer, reason = reason, initiator = initiator } }, t)
return answer(id, t, record, flat)
