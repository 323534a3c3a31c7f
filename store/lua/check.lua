-- ARGV: keys. Answers with the position, the terms, this server's clock, and for each key
-- that something stands against its place in ARGV and its fields.
--
-- One EXISTS over all keys costs what it costs for one, and most tokens have nothing
-- standing against them.
local names, found = {}, 0
for i = 1, #ARGV do names[i] = prefix .. 's:' .. ARGV[i] end
for from = 1, #names, 1000 do
  found = found + call('EXISTS', unpack(names, from, math.min(from + 999, #names)))
end
local out = { head[1], head[4], head[7], int(now()) }
if found > 0 then
  for i, name in ipairs(names) do
    local v = call('HMGET', name, 'c', 'x', 'f', 'u', 'e', 'r', 'bf', 'bu', 'be', 'br')
    if v[1] then
      out[#out + 1] = i
      out[#out + 1] = v
    end
  end
end
return out
