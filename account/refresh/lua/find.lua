-- The answer is what rotate.lua would say of a token. It says 'rotated' of a token that was used
-- before. tenant and client are keys, as principal is, and may be empty.
local id, number, hash, graceMs = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local principal, tenant, client = ARGV[5], ARGV[6], ARGV[7]

local f = read(id)
if not f then return reply('gone') end
local stands = place(f, number, hash, '', graceMs)
if stands == 'ended' then return reply('ended', f.why, still(f), f) end
if stands == 'reused' or stands == 'ahead' then return reply('rotated', '', '', f) end
if mismatch(f, principal, tenant, client) then return reply('other') end
return reply('ok', '', '', f)
