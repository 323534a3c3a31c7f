-- prune takes what is forgotten out of a principal's index. Each login adds one family, and may take
-- out a hundred.
local function prune(who)
  local dead = call('ZRANGEBYSCORE', base .. 'i:' .. who, '-inf', int(at), 'LIMIT', 0, 100)
  if #dead > 0 then call('ZREM', base .. 'i:' .. who, unpack(dead)) end
end

-- outlast makes a key live until t, or longer.
local function outlast(name, t)
  if call('PTTL', name) < t - at then call('PEXPIREAT', name, int(t)) end
end
