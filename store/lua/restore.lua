-- ARGV: 1 epoch, then twelve for each event: kind, scope, key, cut-off, exception,
-- until, from, reason, initiator, at, epoch, revision. No clock has a say here: who calls
-- leaves out what may be forgotten.
if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state == 'fenced' then return redis.error_reply('RVFENCED epoch ' .. head[1]) end
if state ~= 'recovering' or tonumber(ARGV[1]) ~= epoch then
  return redis.error_reply('RVEPOCH the ledger is ' .. state .. ' in epoch ' .. head[1])
end

keepLog()
local t, before = now(), rev
for a = 1, #ARGV - 12, 12 do
  local kind, scope, hex = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3]
  local c, x, u, from = tonumber(ARGV[a + 4]), ARGV[a + 5], tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7])
  local at, ee, er = tonumber(ARGV[a + 10]), tonumber(ARGV[a + 11]), tonumber(ARGV[a + 12])
  local key = prefix .. 's:' .. hex
  local s = kind ~= '4' and load(key)
  if s then
    local longer = u > s.u
    -- lost: it has to be told to the workers and to JetStream under a new revision. A
    -- ban or lift that a later one overrode must not be: under its new revision it
    -- would override in its turn. Hence the register keeps the old position.
    local lost
    if kind == '1' then
      lost = add(s, { c = c, x = x, f = x == '' and c or 0 }) or longer
    else
      lost = ban(s, from, kind == '2' and u or 0, ee, er)
    end
    if lost or longer then
      s.u = math.max(s.u, u)
      if lost then
        rev = rev + 1
        s.e, s.r, s.t = epoch, rev, at
        log(rev, kind, scope, hex, at, c, x, u, from, ARGV[a + 8], ARGV[a + 9], t)
      end
      save(key, scope, s)
    end
  end
end
if rev ~= before then
  call('HSET', meta, 'rev', rev, 'born', int(born))
  -- Up to here everything came from JetStream and need not be published again, unless
  -- an opening that was interrupted has begun to log other things in between.
  if (tonumber(call('HGET', meta, 'restored')) or 0) == before then call('HSET', meta, 'restored', rev) end
end
return rev - before
