-- All families of a principal are ended, except those of the session of the family keep, which may
-- be empty. who is the principal's key. attempt is the call's own.
local who, principal, keep, issuer = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local reason, initiator, attempt, lifetimeMs = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])

local person, index, owing = base .. 'p:' .. who, base .. 'i:' .. who, 'principal:' .. attempt
local pastCut, pastFloor, pastKept, newest, pastAttempt = unpack(call('HMGET', person, 'c', 'f', 'k', 'n', 'a'))
if pastAttempt == attempt then return { 'ended', '', owing } end -- the reply was lost

local before = tonumber(pastCut or 0)
local cut = before
local kept, floor = '', cut
if keep ~= '' then
  local f = read(keep)
  if not f or f.why or f.who ~= who then return reply('gone') end
  kept = call('HGET', key(f.id), 's')
  if pastKept == kept then floor = tonumber(pastFloor) end
end
-- No login so far is later than the cut-off, except one from a time when both clocks were wrong.
local ends, disagree = cutOff()
if disagree then return disagree end
cut = ends
for _, t in ipairs({ before, tonumber(newest or 0) }) do
  if t <= ends + apart then cut = math.max(cut, t) end
end
call('HSET', person, 'c', int(cut), 'f', int(floor), 'k', kept, 'a', attempt)
outlast(person, cut + lifetimeMs)

for _, id in ipairs(call('ZRANGE', index, 0, -1)) do
  local session = call('HGET', key(id), 's')
  if not session then
    call('ZREM', index, id)
  elseif kept == '' or session ~= kept then
    finish(id, who, reason, owing, '')
  end
end
local item = {
  scope = 'principal', id = principal, issuer = issuer, as_of = int(cut), reason = reason, initiator = initiator,
}
if kept ~= '' then item.except = kept end
owe(owing, { item }, at)
return { 'ended', '', owing }
