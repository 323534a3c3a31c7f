-- ARGV: 1 how long a state is kept beyond its until (ms), 2 the caller's clock, then keys.
-- Two clocks decide: the earlier one of this server's and the caller's.
local before, n, counted = math.min(now(), tonumber(ARGV[2])) - tonumber(ARGV[1]), 0, 0
for i = 3, #ARGV do
  local key = prefix .. 's:' .. ARGV[i]
  local v = call('HMGET', key, 'u', 'b')
  if v[1] and tonumber(v[1]) < before then
    call('DEL', key)
    n = n + 1
    if v[2] then counted = counted + 1 end
  end
end
if counted > 0 then call('HINCRBY', meta, 'gone', counted) end
return n
