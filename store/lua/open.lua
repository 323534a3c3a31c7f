-- ARGV: 1 epoch, 2 server of the record, 3 sequence of the record, 4 settled, 5 most
-- log entries to copy in this call. Answers 1 when open, 0 when it must be called again.
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

-- What earlier epochs logged and JetStream has not acknowledged is logged anew under
-- this one, in order, so that from here on there is one epoch to acknowledge. A ban
-- or lift goes along only while it still is what stands.
local v = call('HMGET', meta, 'durable_epoch', 'durable_rev')
local de, dr = tonumber(v[1]), tonumber(v[2])
if de < epoch then
  local t, most = now(), tonumber(ARGV[5])
  local tail = call('XRANGE', prefix .. 'log', '(' .. v[1] .. '-' .. v[2],
    int(epoch - 1) .. '-18446744073709551615', 'COUNT', most)
  for _, entry in ipairs(tail) do
    local ee, er = string.match(entry[1], '^(%d+)-(%d+)$')
    local f, p = entry[2], {}
    for i = 1, #f, 2 do p[f[i]] = f[i + 1] end
    local stands = p.k == '1' and tonumber(p.u) >= t
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
    v[1], v[2] = ee, er
  end
  if #tail == most then
    call('HSET', meta, 'rev', rev, 'durable_epoch', v[1], 'durable_rev', v[2])
    return 0
  end
end

call('HSET', meta, 'rev', rev, 'state', 'open', 'record', ARGV[3], 'settled', ARGV[4], 'claims', '',
  'durable_epoch', head[1], 'durable_rev', call('HGET', meta, 'restored') or '0')
call('HDEL', meta, 'restored')
return 1
