-- ARGV: 1 epoch, 2 server of the record, 3 sequence of the record, 4 settled, 5 most
-- log entries to copy in this call, then the end of what was replayed: 6 created, 7
-- sequence, 8 and 9 position of the event, 10 stored; 11 how long the stream keeps an
-- event beyond the longest lifetime (ms), 12 to 16 the first that was replayed, as 6 to 10. Answers 1 when open, 0 when it must be called
-- again.
if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state == 'fenced' then return redis.error_reply('RVFENCED epoch ' .. head[1]) end
if tonumber(ARGV[1]) ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. head[1]) end
if ARGV[2] ~= server then
  return redis.error_reply('RVCONFLICT the record names server ' .. ARGV[2] .. ', this is ' .. server)
end
if state == 'open' then
  if call('HGET', meta, 'record') == ARGV[3] then return 1 end
  return redis.error_reply('RVCONFLICT epoch ' .. head[1] .. ' is open under another record')
end

keepLog()
-- What earlier epochs logged and the stream was not seen to have, or has not
-- acknowledged, is logged anew under this one, in order, so that from here on there is
-- one epoch to acknowledge. A ban or lift goes along only while it still is what stands.
-- A state that has vanished is made again from what was logged of it.
local fe, fr = unsure()
if tonumber(fe) < epoch then
  local t, most = now(), tonumber(ARGV[5])
  local tail = call('XRANGE', prefix .. 'log', '(' .. fe .. '-' .. fr,
    int(epoch - 1) .. '-18446744073709551615', 'COUNT', most)
  for _, entry in ipairs(tail) do
    local ee, er = string.match(entry[1], '^(%d+)-(%d+)$')
    local f, p = entry[2], {}
    for i = 1, #f, 2 do p[f[i]] = f[i + 1] end
    local key, c, u = prefix .. 's:' .. p.h, tonumber(p.c) or 0, tonumber(p.u) or 0
    local s, stands = nil, p.k ~= '4'
    if stands then s = load(key) end
    if p.k == '1' then
      add(s, { c = c, x = p.x or '', f = p.x and 0 or c })
    elseif stands then
      ban(s, tonumber(p.f) or 0, p.k == '2' and u or 0, tonumber(ee), tonumber(er))
      stands = order(s.be, s.br, tonumber(ee), tonumber(er)) == 0
    end
    if stands then
      rev = rev + 1
      log(rev, p.k, p.s, p.h, p.t, c, p.x or '', u, tonumber(p.f) or 0, p.y or '', p.i or '', t)
      -- What covers a later proposal is durable when this revision is, not before.
      if s.t == 0 then s.t = tonumber(p.t) end
      s.u, s.e, s.r = math.max(s.u, u), epoch, rev
      save(key, p.s, s)
    end
    fe, fr = ee, er
  end
  if #tail == most then
    call('HSET', meta, 'rev', rev, 'from_epoch', fe, 'from_rev', fr, 'born', int(born))
    return 0
  end
end

-- What was restored the stream has. An opening that cannot tell where the stream ends
-- leaves no mark, rather than one of an earlier epoch that nobody would move.
local restored = call('HGET', meta, 'restored') or '0'
call('HSET', meta, 'rev', rev, 'born', int(born), 'state', 'open', 'record', ARGV[3], 'settled', ARGV[4], 'claims', '',
  'opened', head[1], 'opened_by', server, 'durable_epoch', head[1], 'durable_rev', restored)
call('HDEL', meta, 'restored', 'from_epoch', 'from_rev')
if ARGV[4] == '1' then call('HDEL', meta, 'settle_for') end
if ARGV[6] == '0' then
  forgetMark()
else
  setMark({ unpack(ARGV, 6, 10) }, head[1], restored, ARGV[11], ARGV[7], { unpack(ARGV, 12, 16) })
end
return 1
