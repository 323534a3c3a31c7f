-- The ledger opens in an epoch, under a record. The answer is 1 when it is open, and 0 when the
-- script must be called again: one call copies a bounded number of log entries, atMost. willSettle is '1' for a
-- ledger that is settled. extraMs is how long the stream keeps an event beyond the longest
-- lifetime. begin and replayed are the first and the last message that was replayed.
local ofEpoch, recordServer, recordSequence = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local willSettle, atMost, replayed, extraMs, begin = ARGV[4], tonumber(ARGV[5]), pointFrom(6), ARGV[11], pointFrom(12)

if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state == 'fenced' then return redis.error_reply('RVFENCED epoch ' .. epochText) end
if ofEpoch ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. epochText) end
if recordServer ~= server then
  return redis.error_reply('RVCONFLICT the record names server ' .. recordServer .. ', this is ' .. server)
end
if state == 'open' then
  if call('HGET', meta, 'record') == recordSequence then return 1 end
  return redis.error_reply('RVCONFLICT epoch ' .. epochText .. ' is open under another record')
end

if call('HGET', meta, 'rekey') then
  return redis.error_reply("RVNAMES there are states left whose keys are made with fewer name secrets")
end

keepLog()
-- The stream may lack some of what earlier epochs logged: it was not seen to have it, or has not
-- acknowledged it. These entries are logged again under this epoch, in order. So from here on
-- there is one epoch to acknowledge. A ban or lift goes along only if it still is what stands. A
-- state that has vanished is made again from what was logged of it.
local fromEpoch, fromRev = unsure()
if tonumber(fromEpoch) < epoch then
  local t = now()
  local tail = call('XRANGE', prefix .. 'log', '(' .. fromEpoch .. '-' .. fromRev,
    int(epoch - 1) .. '-18446744073709551615', 'COUNT', atMost)
  for _, entry in ipairs(tail) do
    fromEpoch, fromRev = string.match(entry[1], '^(%d+)-(%d+)$')
    local oldEpoch, oldRev = tonumber(fromEpoch), tonumber(fromRev)
    local fields, e = entry[2], {} -- e has the letters under which state.lua logs an entry
    for i = 1, #fields, 2 do e[fields[i]] = fields[i + 1] end
    local kind, key, except = e.k, prefix .. 's:' .. e.h, e.x or ''
    local cutOff, till, from = tonumber(e.c) or 0, tonumber(e.u) or 0, tonumber(e.f) or 0
    local s, stands = nil, kind ~= '4'
    if stands then s = load(key) end
    if kind == '1' then
      add(s, { cutOff = cutOff, except = except, floor = e.x and 0 or cutOff })
    elseif stands then
      ban(s, from, kind == '2' and till or 0, oldEpoch, oldRev)
      stands = order(s.banEpoch, s.banRev, oldEpoch, oldRev) == 0
    end
    if stands then
      rev = rev + 1
      log(rev, kind, e.s, e.h, e.n or '0', e.w or '', e.t, cutOff, except, till, from, e.y or '', e.i or '', t)
      -- What covers a later proposal is durable when this revision is, and not before.
      if s.lastAt == 0 then s.lastAt = tonumber(e.t) end
      s.till, s.lastEpoch, s.lastRev = math.max(s.till, till), epoch, rev
      save(key, e.s, s, e.w or '')
    end
  end
  if #tail == atMost then
    call('HSET', meta, 'rev', rev, 'from_epoch', fromEpoch, 'from_rev', fromRev, 'born', int(born))
    return 0
  end
end

-- The stream has what was restored. An opening that cannot tell where the stream ends leaves no
-- mark. A mark of an earlier epoch would stay where it is, because nobody would move it.
local restored = call('HGET', meta, 'restored') or '0'
call('HSET', meta, 'rev', rev, 'born', int(born), 'state', 'open', 'record', recordSequence, 'settled', willSettle,
  'claims', '', 'opened', epochText, 'opened_by', server, 'durable_epoch', epochText, 'durable_rev', restored)
call('HDEL', meta, 'restored', 'from_epoch', 'from_rev')
if willSettle == '1' then call('HDEL', meta, 'settle_for') end
-- Nor does one whose log had lost entries, until the stream is filled again.
if replayed.created == '0' or call('HGET', meta, 'doubt') then
  forgetMark()
else
  setMark(replayed, epochText, restored, extraMs, replayed.sequence, begin)
end
return 1
