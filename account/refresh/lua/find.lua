-- find(id, number, hash, grace, principal, tenant, client): what rotate would say
local f = read(ARGV[1])
if not f then return reply('gone') end
local stands = place(f, tonumber(ARGV[2]), ARGV[3], '', tonumber(ARGV[4]))
if stands == 'ended' then return reply('ended', f.e, still(f), f) end
if stands == 'reused' or stands == 'ahead' then return reply('rotated', '', '', f) end
if mismatch(f, ARGV[5], ARGV[6], ARGV[7]) then return reply('other') end
return reply('ok', '', '', f)
