-- finish_all(who, principal, keep, issuer, reason, initiator, attempt, lifetime): ends
-- every family of a principal, but for those of the session of the family to keep
local who, attempt = ARGV[1], ARGV[7]
local person, index, owing = base .. 'p:' .. who, base .. 'i:' .. who, 'principal:' .. attempt
local past = call('HMGET', person, 'c', 'f', 'k', 'n', 'a')
if past[5] == attempt then return { 'ended', '', owing } end -- the reply was lost

local before = tonumber(past[1] or 0)
local cut = before
local kept, floor = '', cut
if ARGV[3] ~= '' then
  local f = read(ARGV[3])
  if not f or f.e or f.k ~= who then return reply('gone') end
  kept = call('HGET', key(f.id), 's')
  if past[3] == kept then floor = tonumber(past[2]) end
end
-- No login so far is later, but for one of a time when both clocks were wrong.
local ends, disagree = cut_off()
if disagree then return disagree end
cut = ends
for _, t in ipairs({ before, tonumber(past[4] or 0) }) do
  if t <= ends + apart then cut = math.max(cut, t) end
end
call('HSET', person, 'c', int(cut), 'f', int(floor), 'k', kept, 'a', attempt)
outlast(person, cut + tonumber(ARGV[8]))

for _, id in ipairs(call('ZRANGE', index, 0, -1)) do
  local session = call('HGET', key(id), 's')
  if not session then
    call('ZREM', index, id)
  elseif kept == '' or session ~= kept then
    finish(id, who, ARGV[5], owing, '')
  end
end
local item = { scope = 'principal', id = ARGV[2], issuer = ARGV[4], as_of = int(cut), reason = ARGV[5], initiator = ARGV[6] }
if kept ~= '' then item.except = kept end
owe(owing, { item }, at)
return { 'ended', '', owing }
