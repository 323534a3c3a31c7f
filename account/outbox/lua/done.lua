-- done(id, items, positions, ms, rest): the ledger has the items, at positions that are
-- remembered for ms. What was owed under the id meanwhile stays; where some of the items
-- could not be told, rest stays instead, and is left alone for ten minutes.
call('SET', prefix .. 'told:' .. ARGV[1], ARGV[3], 'PX', ARGV[4])
if call('HGET', owed, ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[5] ~= '' then
  call('HSET', owed, ARGV[1], ARGV[5])
  call('ZADD', prefix .. 'due', int(sure() + 600000), ARGV[1])
  return 0
end
call('HDEL', owed, ARGV[1])
call('ZREM', prefix .. 'due', ARGV[1])
return 1
