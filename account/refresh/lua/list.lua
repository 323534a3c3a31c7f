-- The answer is the id and the fields m, u and b of each living family of a principal.
local who = ARGV[1]

prune(who)
local out = {}
for _, id in ipairs(call('ZRANGEBYSCORE', base .. 'i:' .. who, '(' .. int(at), '+inf')) do
  local f = read(id)
  if f and not f.why then
    local n = #out
    out[n + 1], out[n + 2], out[n + 3], out[n + 4] = id, f.moving, f.fixed, f.body
  end
end
return out
