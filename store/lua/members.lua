local out = { head[1], head[4], head[5], int(now()) }
for _, id in ipairs(call('SMEMBERS', prefix .. 'members')) do
  local v = call('HMGET', prefix .. 'm:' .. id, 'e', 'r', 'n', 'v', 't', 'w', 'a')
  if v[1] then
    if v[7] and #v[7] > 65536 then v[7] = false end -- no worker of ours says as much
    v[7] = v[7] or ''
    out[#out + 1] = id
    out[#out + 1] = v
  end
end
return out
