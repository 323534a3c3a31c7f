-- ARGV: 1 cursor, 2 how many keys to look at. SCAN guarantees that what stands all
-- the while comes at least once.
local page = call('SCAN', ARGV[1], 'MATCH', prefix .. 's:*', 'COUNT', ARGV[2])
local out = { page[1] }
for _, name in ipairs(page[2]) do
  local v = call('HMGET', name, 'c', 'x', 'f', 'u', 'e', 'r', 'bf', 'bu', 'be', 'br', 's', 't', 'b')
  if v[1] then
    out[#out + 1] = string.sub(name, #prefix + 3)
    out[#out + 1] = v
  end
end
return out
