-- The ledger has the items that were owed under an id. Their positions are remembered for
-- rememberMs. What came to be owed under the id since then stays. rest is what could not be told of
-- the items, or empty. It stays in their place, and is left alone for ten minutes.
local id, items, positions, rememberMs, rest = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

call('SET', prefix .. 'told:' .. id, positions, 'PX', rememberMs)
if call('HGET', owed, id) ~= items then return 0 end
if rest ~= '' then
  call('HSET', owed, id, rest)
  call('ZADD', prefix .. 'due', int(sure() + 600000), id)
  return 0
end
call('HDEL', owed, id)
call('ZREM', prefix .. 'due', id)
return 1
