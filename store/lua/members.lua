local out = { head[1], head[4], head[5], int(now()) }
for _, id in ipairs(call('SMEMBERS', prefix .. 'members')) do
  local v = call('HMGET', prefix .. 'm:' .. id, 'e', 'r', 'n', 'v', 't', 'w')
  if v[1] then
    out[#out + 1] = id
    out[#out + 1] = v
  end
end
return out
