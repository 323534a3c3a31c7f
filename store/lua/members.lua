-- The answer is the position, the generation, this server's clock, and for each member its id and its
-- fields.
local out = { epochText, revText, generation, int(now()) }
for _, id in ipairs(call('SMEMBERS', prefix .. 'members')) do
  local fields = call('HMGET', prefix .. 'm:' .. id, 'e', 'r', 'n', 'v', 't', 'w', 'a')
  local appliedEpoch, accepts = fields[1], fields[7]
  if appliedEpoch then
    if not accepts or #accepts > 65536 then fields[7] = '' end -- no worker of ours says so much
    out[#out + 1] = id
    out[#out + 1] = fields
  end
end
return out
