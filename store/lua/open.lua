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
local fe, fr = unsure()
if tonumber(fe) < epoch then
  local t, most = now(), tonumber(ARGV[5])
  local tail = call('XRANGE', prefix .. 'log', '(' .. fe .. '-' .. fr,
    int(epoch - 1) .. '-18446744073709551615', 'COUNT', most)
  for _, entry in ipairs(tail) do
    local ee, er = string.match(entry[1], '^(%d+)-(%d+)$')
    local f, p = entry[2], {}
    for i = 1, #f, 2 do p[f[i]] = f[i + 1] end
    local stands = p.k == '1'
    if p.k == '2' or p.k == '3' then
      local b = call('HMGET', prefix .. 's:' .. p.h, 'be', 'br')
      stands = b[1] == ee and b[2] == er
    end
    if stands then
      rev = rev + 1
      log(rev, p.k, p.s, p.h, p.t, tonumber(p.c) or 0, p.x or '', tonumber(p.u) or 0, tonumber(p.f) or 0,
        p.y or '', p.i or '', t)
      -- What covers a later proposal is durable when this revision is, not before.
      if call('EXISTS', prefix .. 's:' .. p.h) == 1 then
        call('HSET', prefix .. 's:' .. p.h, 'e', head[1], 'r', int(rev))
      end
    end
    fe, fr = ee, er
  end
  if #tail == most then
    call('HSET', meta, 'rev', rev, 'from_epoch', fe, 'from_rev', fr)
    return 0
  end
end

-- What was restored the stream has. An opening that cannot tell where the stream ends
-- leaves no mark, rather than one of an earlier epoch that nobody would move.
local restored = call('HGET', meta, 'restored') or '0'
call('HSET', meta, 'rev', rev, 'state', 'open', 'record', ARGV[3], 'settled', ARGV[4], 'claims', '',
  'opened', head[1], 'opened_by', server, 'durable_epoch', head[1], 'durable_rev', restored)
call('HDEL', meta, 'restored', 'from_epoch', 'from_rev')
if ARGV[4] == '1' then call('HDEL', meta, 'settle_for') end
if ARGV[6] == '0' then
  forgetMark()
else
  setMark({ unpack(ARGV, 6, 10) }, head[1], restored, ARGV[11], ARGV[7], { unpack(ARGV, 12, 16) })
end
return 1
