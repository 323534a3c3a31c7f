-- The states of the keys that follow are taken out, if they are over. keepMs is how long a state
-- is kept beyond its until. wall is the caller's clock in ms. Two clocks decide: the earlier one
-- of this server's and the caller's counts.
local keepMs, wall = tonumber(ARGV[1]), tonumber(ARGV[2])
local HEADER = 2

local before, removed, counted = math.min(now(), wall) - keepMs, 0, 0
for i = HEADER + 1, #ARGV do
  local key = prefix .. 's:' .. ARGV[i]
  local till, number = unpack(call('HMGET', key, 'u', 'b'))
  if till and tonumber(till) < before then
    call('DEL', key)
    removed = removed + 1
    if number then counted = counted + 1 end
  end
end
if counted > 0 then call('HINCRBY', meta, 'gone', counted) end
return removed
