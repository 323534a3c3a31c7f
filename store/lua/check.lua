-- The arguments are keys. The answer begins with the position, the terms and this server's clock.
-- For each key that something stands against, its place among the arguments and its fields follow.
--
-- One EXISTS over all keys costs as much as one over a single key. Most tokens have nothing
-- standing against them.
if #ARGV > 10000 then return redis.error_reply('RVINVALID more than 10000 keys') end
local names, found = {}, 0
for i = 1, #ARGV do names[i] = prefix .. 's:' .. ARGV[i] end
for from = 1, #names, 1000 do
  found = found + call('EXISTS', unpack(names, from, math.min(from + 999, #names)))
end
local out = { epochText, revText, terms, int(now()) }
if found > 0 then
  for i, name in ipairs(names) do
    local fields = call('HMGET', name, 'c', 'x', 'f', 'u', 'e', 'r', 'bf', 'bu', 'be', 'br')
    if fields[1] then
      out[#out + 1] = i
      out[#out + 1] = fields
    end
  end
end
return out
