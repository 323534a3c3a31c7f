-- States get other keys while the ledger recovers. For each follow its key, the new one, and its exception under
-- the new names. Without any, all of them have got theirs, and the ledger may open.
local ofEpoch = tonumber(ARGV[1])
local HEADER, EACH = 1, 3

if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state ~= 'recovering' or ofEpoch ~= epoch then
  return redis.error_reply('RVEPOCH the ledger is ' .. state .. ' in epoch ' .. epochText)
end

local merged = 0
for a = HEADER, #ARGV - EACH, EACH do
  local fromHex, toHex, except = unpack(ARGV, a + 1, a + EACH)
  local from, to = prefix .. 's:' .. fromHex, prefix .. 's:' .. toHex
  local s = load(from)
  local scope, name = unpack(call('HMGET', from, 's', 'w'))
  if scope then
    if s.except ~= '' then s.except = except end
    if call('EXISTS', to) == 0 then
      call('RENAME', from, to)
      call('HSET', to, 'x', s.except, 'n', namesText)
    else -- restored from the stream meanwhile
      local t = load(to)
      add(t, s)
      if s.banEpoch > 0 then ban(t, s.banFrom, s.banTill, s.banEpoch, s.banRev) end
      t.till = math.max(t.till, s.till)
      if order(t.lastEpoch, t.lastRev, s.lastEpoch, s.lastRev) < 0 then
        t.lastEpoch, t.lastRev, t.lastAt = s.lastEpoch, s.lastRev, s.lastAt
      end
      save(to, scope, t, name or '')
      call('DEL', from)
      if s.number > 0 then merged = merged + 1 end
    end
  end
end
if merged > 0 then
  call('HSET', meta, 'born', int(born))
  call('HINCRBY', meta, 'gone', merged)
end
if #ARGV == HEADER then
  call('HDEL', meta, 'rekey')
  -- Restored states that were merged with older ones have later numbers than those.
  call('HSET', meta, 'doubt_born', int(born))
end
return 1
