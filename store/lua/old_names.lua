-- The answer is a page of the states whose keys are made with another number of name secrets than the terms say,
-- and the cursor of the next one, as that of snapshot.lua: key, exception and number of each.
local cursor, keysPerPage = ARGV[1], math.min(tonumber(ARGV[2]), 10000)

if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
local nextCursor, names = unpack(call('SCAN', cursor, 'MATCH', prefix .. 's:*', 'COUNT', keysPerPage))
local out = { nextCursor }
for _, name in ipairs(names) do
  local made, except = unpack(call('HMGET', name, 'n', 'x'))
  if (made or '0') ~= namesText and call('EXISTS', name) == 1 then
    local n = #out
    out[n + 1], out[n + 2], out[n + 3] = string.sub(name, #prefix + 3), except or '', made or '0'
  end
end
return out
