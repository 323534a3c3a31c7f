-- list(who) → the living families of a principal, those that expire last at the end
local who = ARGV[1]
prune(who)
local out = {}
for _, id in ipairs(call('ZRANGEBYSCORE', base .. 'i:' .. who, '(' .. int(at), '+inf')) do
  local f = read(id)
  if f and not f.e then
    out[#out + 1] = id
    for i = 1, shown do out[#out + 1] = f[names[i]] end
  end
end
return out
