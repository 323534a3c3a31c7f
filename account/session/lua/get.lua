-- get(by, name, touch, idle) → the session, or nothing; by is 'token' or 'sid'. An access
-- is written down once per touch, a read in between writes nothing. Touch 0: never.
local t = now()
local sk, r, flat = ARGV[2]
if ARGV[1] == 'token' then
  sk, r, flat = bearer(ARGV[2], t)
else
  r, flat = live(sk, t)
end
if not r then return { 'none' } end
local touch = tonumber(ARGV[3])
if touch > 0 and t - tonumber(r.l) >= touch then used(sk, r, t, tonumber(ARGV[4])) end
return answer('', t, r, flat)
