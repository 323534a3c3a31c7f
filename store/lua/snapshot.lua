-- The answer is a page of the states, and the cursor of the next one. keysPerPage is how many keys
-- are looked at. Workers get no sealed names. SCAN guarantees that what stands all the while comes at least once.
local cursor, keysPerPage, sealed = ARGV[1], math.min(tonumber(ARGV[2]), 10000), ARGV[3] == '1'

local nextCursor, names = unpack(call('SCAN', cursor, 'MATCH', prefix .. 's:*', 'COUNT', keysPerPage))
local out = { nextCursor }
for _, name in ipairs(names) do
  local fields = call('HMGET', name, 'c', 'x', 'f', 'u', 'e', 'r', 'bf', 'bu', 'be', 'br', 's', 't', 'b', 'n')
  if fields[1] then
    fields[15] = sealed and call('HGET', name, 'w') or ''
    out[#out + 1] = string.sub(name, #prefix + 3)
    out[#out + 1] = fields
  end
end
return out
