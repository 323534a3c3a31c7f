-- A family is ended, with its session. told: what ended it stands in the ledger already.
local id, principal, tenant, client = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local issuer, reason, initiator, told = ARGV[5], ARGV[6], ARGV[7], ARGV[8] == '1'

local f = read(id)
if not f then return reply('gone') end
if mismatch(f, principal, tenant, client) then return reply('other') end
-- The id is part of the answer even where the fleet was told. A caller that asks again waits for it
-- again.
if f.why then return reply('ended', f.why, call('HGET', key(f.id), 'g') or '', f) end
if told then
  finish(f.id, f.who, reason, '', '')
  return reply('ended', reason, '', f)
end
return reply('ended', reason, conclude(f, issuer, reason, initiator, ''), f)
