-- The answer is a session, by the hash of its token ('token') or by its sk ('sid'). An access is
-- written down once in touchMs. A read in between writes nothing. With a touchMs of 0 no access is
-- written down.
local by, name, touchMs, idleMs = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local t = now()
local sk, record, flat = name
if by == 'token' then
  sk, record, flat = bearer(name, t)
else
  record, flat = live(sk, t)
end
if not record then return { 'none' } end
if touchMs > 0 and t - tonumber(record.l) >= touchMs then used(sk, record, t, idleMs) end
return answer('', t, record, flat)
