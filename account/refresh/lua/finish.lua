-- finish(id, principal, tenant, client, issuer, reason, initiator, told): told is 1 where
-- what ended it stands in the ledger already
local f = read(ARGV[1])
if not f then return reply('gone') end
if mismatch(f, ARGV[2], ARGV[3], ARGV[4]) then return reply('other') end
-- The id even where the fleet was told: whoever asks again waits for it again.
if f.e then return reply('ended', f.e, call('HGET', key(f.id), 'g') or '', f) end
if ARGV[8] == '1' then
  finish(f.id, f.k, ARGV[6], '', '')
  return reply('ended', ARGV[6], '', f)
end
return reply('ended', ARGV[6], conclude(f, ARGV[5], ARGV[6], ARGV[7], ''), f)
