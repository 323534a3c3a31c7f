local out = { epochText, revText, generation, int(now()) }
for _, id in ipairs(call('SMEMBERS', prefix .. 'members')) do
  local appliedEpoch, appliedRev, renewals, version, renewedAt, wallAhead, accepts =
    unpack(call('HMGET', prefix .. 'm:' .. id, 'e', 'r', 'n', 'v', 't', 'w', 'a'))
  if appliedEpoch then
    if not accepts or #accepts > 65536 then accepts = '' end -- no worker of ours says so much
    out[#out + 1] = id
    out[#out + 1] = { appliedEpoch, appliedRev, renewals, version, renewedAt, wallAhead, accepts }
  end
end
return out
