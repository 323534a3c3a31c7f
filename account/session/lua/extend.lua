-- A session lives for byMs from now on, or longer, but not beyond its absolute end. The answer is the
-- session.
local sk, byMs = ARGV[1], tonumber(ARGV[2])

local t = now()
local record, flat = live(sk, t)
if not record then return { 'none' } end
local ends = math.min(t + byMs, tonumber(record.e))
if ends > tonumber(record.x) then keep(sk, record, ends) end
return answer('', t, record, flat)
