-- extend(sk, d) → the session, which lives for d more at least, but not beyond its
-- absolute end
local t = now()
local r, flat = live(ARGV[1], t)
if not r then return { 'none' } end
local x = math.min(t + tonumber(ARGV[2]), tonumber(r.e))
if x > tonumber(r.x) then keep(ARGV[1], r, x) end
return answer('', t, r, flat)
