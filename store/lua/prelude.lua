-- Every script begins with this text. A script runs as one atomic step. So what this text finds
-- out holds until the script's last line.
--
-- KEYS[1] is the hash that the caller may write. For a publisher it is the realm's meta hash. For a
-- worker it is the hash of the worker's class: its user has no right to write meta, and a script
-- that runs for a worker does not try to. All other keys share its prefix and its slot.
--
-- A name that ends in Text is a number as Redis keeps it, which is text. The same name without
-- the ending is a Lua number.
local call = redis.call
local own = KEYS[1]
local prefix, ownClass = string.match(own, '^[^}]*}:'), string.match(own, '}:m:(.+)$')
local meta = prefix .. 'meta'
local forWorker = ownClass ~= nil

-- int writes a number in full. tostring() rounds to 14 digits, and a cut-off may have 16.
local function int(n) return string.format('%.0f', n) end

-- now is the server's clock in Unix milliseconds.
local function now()
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- below compares decimal numbers that have more digits than a Lua number holds. One is the
-- time at which a stream was made, in nanoseconds. Such numbers stay text.
local function below(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

-- OTHER_NAMES is the answer to keys that are made with another number of name secrets than the realm's.
local OTHER_NAMES = "RVNAMES the realm's keys are made with another number of name secrets"

-- order compares two positions. The result is negative, zero or positive.
local function order(epochA, revA, epochB, revB)
  if epochA ~= epochB then return epochA - epochB end
  return revA - revB
end

-- logWhole reports whether the log lacks nothing. Such a log begins right after the position up
-- to which it was trimmed. It ends where the epoch ends.
local function logWhole(epochText, revText)
  local log, trimmed = prefix .. 'log', call('HMGET', meta, 'trimmed_epoch', 'trimmed_rev')
  local trimmedEpoch, trimmedRev = trimmed[1] or '0', trimmed[2] or '0'
  local first = call('XRANGE', log, '(' .. trimmedEpoch .. '-' .. trimmedRev, '+', 'COUNT', 1)[1]
  if not first then
    return (revText == '0' or trimmedEpoch == epochText and trimmedRev == revText) and call('EXISTS', log) == 1
  end
  local firstEpoch, firstRev = string.match(first[1], '^(%d+)-(%d+)$')
  if firstRev ~= (firstEpoch == trimmedEpoch and int(tonumber(trimmedRev) + 1) or '1') then return false end
  return revText == '0' or call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1][1] == epochText .. '-' .. revText
end

-- sealLog makes a log that lacks entries count as trimmed. It runs before an epoch ends. Once the
-- entries belong to an earlier epoch nobody could notice the gap. A state of that epoch, or of one
-- before, may be missing in the stream too. The field doubt holds the latest such epoch, and doubt_born how many
-- states had been made by its end. A refill of the stream takes both away.
local function sealLog(epochText, revText)
  if logWhole(epochText, revText) then return end
  call('HSET', meta, 'trimmed_epoch', epochText, 'trimmed_rev', revText, 'doubt', epochText,
    'doubt_born', call('HGET', meta, 'born') or '0')
end

-- The ledger's record. A field that is not there is false.
local epochText, state, recordedServer, revText, classes, settled, terms, bornText, doubtText = unpack(
  call('HMGET', meta, 'epoch', 'state', 'server', 'rev', 'classes', 'settled', 'terms', 'born', 'doubt'))
classes = classes or 'default'
-- What the terms say; no other text reads them. leaseNs is the lease, and drift how fast or slow a clock may
-- run. optional holds what may be left out: ,skew,names:check. skew and fence are in ms. The longest lifetimes
-- are in ns, by scope. namesText is how many of the realm's name secrets its keys are made with; the secrets
-- themselves are no concern of the server's.
local leaseText, driftText, optional, fenceText, lifetimesText =
  string.match(terms or '', '^(%d+) ([^ ,]+)(%S*) (%d+) (%d+ %d+ %d+ %d+ %d+ %d+ %d+) ')
local leaseNs, drift, fence = tonumber(leaseText), tonumber(driftText), (tonumber(fenceText) or 0) / 1000000
local skew = tonumber((string.match(optional or '', '^,(%d+)'))) or 10000
local namesText = string.match(optional or '', '^,%d*,(%d+):') or '0'
local lifetimes = {}
for ns in string.gmatch(lifetimesText or '', '%d+') do lifetimes[#lifetimes + 1] = tonumber(ns) end
-- The time is read before the offset in INFO. So what comes after the offset was written after the time.
local started = fence > 0 and now()
local info = call('INFO', 'replication')
local server = string.match(info, 'master_replid:(%x+)')
if not server then return redis.error_reply('RVUNSUITED INFO replication shows no master_replid') end

-- A server that was restarted, promoted or restored has another replication id than the one that
-- the epoch was opened under. It may have forgotten what was acknowledged. So a new epoch begins,
-- and the ledger recovers. A fenced ledger stays fenced, because another server carries on.
--
-- An open ledger has a log, even if it is empty. Where the log is gone, entries were lost. In the
-- next epoch nobody could notice that, so it is looked at here.
--
-- Only a publisher's script writes the new epoch down. A worker's goes by it and leaves it to them.
if epochText and (state ~= 'fenced' and recordedServer ~= server
  or state == 'open' and call('EXISTS', prefix .. 'log') == 0) then
  local nextText = int(tonumber(epochText) + 1)
  if not forWorker then
    sealLog(epochText, revText)
    local claims = {}
    for id in string.gmatch(call('HGET', meta, 'claims') or '', '%S+') do claims[#claims + 1] = id end
    claims[#claims + 1] = server
    while #claims > 16 do table.remove(claims, 1) end
    call('HSET', meta, 'epoch', nextText, 'state', 'recovering', 'server', server, 'rev', '0', 'settled', '0',
      'claims', table.concat(claims, ' '))
    call('HDEL', meta, 'restored', 'settling')
    -- Leases that a change of terms left behind may outlive the epoch.
    if settled == '1' then call('HDEL', meta, 'settle_for') end
    call('DEL', prefix .. 'acked')
  end
  epochText, state, revText, settled = nextText, 'recovering', '0', '0'
end
local epoch, rev = tonumber(epochText), tonumber(revText)

-- A primary that is cut off from its replicas must not serve anybody for longer than the fence,
-- because one of the replicas may have been promoted. min-replicas-max-lag alone does not ensure
-- that. Redis looks at the lag once a second. A primary that was stopped for long finds old
-- acknowledgements in its sockets: the replicas sent them before they lost it. Redis takes them
-- for new ones, and INFO shows a lag of 0.
--
-- So the offset that was acknowledged counts. Bytes after the offset that the primary had at some
-- time were written after that time. A server that acknowledges them was still a replica then.
-- The field heard begins with the server whose replicas they are, and the latest time for which that
-- is known. After it come the questions that are open: each has a time and the offset of that time.
-- The replicas acknowledge once a second. Writing a question down gives them something to
-- acknowledge. Publishers ask in meta, and each class of workers asks in its own hash.
--
-- The time is that of the server's clock, as it is for min-replicas-max-lag. A clock that is set
-- back while the server is stopped prolongs the fence by as much.
local isCutOff = false
if fence > 0 then
  local heard = call('HGET', own, 'heard')
  local heardBy, heardText = string.match(heard or '', '^(%x+) (%d+)')
  if heardBy ~= server then heard, heardText = nil, nil end
  local heardAt, askedAt, questions, acknowledged = tonumber(heardText or '0'), 0, {}, -1
  for offset in string.gmatch(info, 'slave%d+:[^\r\n]-state=online,offset=(%d+)') do
    acknowledged = math.max(acknowledged, tonumber(offset))
  end
  for at, offset in string.gmatch(heard or '', ' (%d+):(%d+)') do
    askedAt = tonumber(at)
    if acknowledged > tonumber(offset) then heardAt = askedAt else questions[#questions + 1] = at .. ':' .. offset end
  end
  if askedAt > started then heardAt, askedAt, questions = 0, 0, {} end -- the clock was set back
  if epoch and started - askedAt >= fence / 8 then
    questions[#questions + 1] = int(started) .. ':' .. (string.match(info, 'master_repl_offset:(%d+)') or '0')
    if #questions > 8 then table.remove(questions, 1) end
    call('HSET', own, 'heard', server .. ' ' .. int(heardAt) .. ' ' .. table.concat(questions, ' '))
  end
  isCutOff = started - heardAt >= fence
end
