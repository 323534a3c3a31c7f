-- Every script starts with this. It runs as one atomic step, so what it finds out
-- here holds until the script's last line.
--
-- KEYS[1] is the realm's meta hash; all other keys share its prefix and its slot.
local call = redis.call
local meta = KEYS[1]
local prefix = string.sub(meta, 1, -5)

-- tostring() rounds numbers to 14 digits; a cut-off may have 16.
local function int(n) return string.format('%.0f', n) end

local function now()
  local t = call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- below compares decimal numbers that have more digits than a Lua number holds, such as
-- the nanoseconds at which a stream was made: they stay text.
local function below(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

-- order compares two positions: negative, zero or positive.
local function order(e1, r1, e2, r2)
  if e1 ~= e2 then return e1 - e2 end
  return r1 - r2
end

-- logWhole reports whether the log begins after where it was trimmed and ends where the epoch
-- does.
local function logWhole(epoch, rev)
  local log, low = prefix .. 'log', call('HMGET', meta, 'trimmed_epoch', 'trimmed_rev')
  local te, tr = low[1] or '0', low[2] or '0'
  local first = call('XRANGE', log, '(' .. te .. '-' .. tr, '+', 'COUNT', 1)[1]
  if not first then return (rev == '0' or te == epoch and tr == rev) and call('EXISTS', log) == 1 end
  local e, r = string.match(first[1], '^(%d+)-(%d+)$')
  if r ~= (e == te and int(tonumber(tr) + 1) or '1') then return false end
  return rev == '0' or call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1][1] == epoch .. '-' .. rev
end

-- sealLog makes a log that lacks entries count as trimmed, before what it has belongs to an
-- earlier epoch: nobody could miss them there. What stands since then may be missing in the
-- stream too: doubt is the latest such epoch.
local function sealLog(epoch, rev)
  if logWhole(epoch, rev) then return end
  call('HSET', meta, 'trimmed_epoch', epoch, 'trimmed_rev', rev, 'doubt', epoch)
end

local head = call('HMGET', meta, 'epoch', 'state', 'server', 'rev', 'generation', 'settled', 'terms', 'heard', 'born', 'doubt')
local fence = tonumber(string.match(head[7] or '', '^%d+ %S+ (%d+) ') or 0) / 1000000 -- ms
local started = fence > 0 and now() -- before INFO: see below
local info = call('INFO', 'replication')
local server = string.match(info, 'master_replid:(%x+)')
if not server then return redis.error_reply('RVUNSUITED INFO replication shows no master_replid') end

-- A restarted, promoted or restored server has another replication id than the one
-- that the epoch was opened under, and may have forgotten what was acknowledged. A
-- fenced ledger stays fenced: another server carries on. An open ledger has a log, if only
-- an empty one; where it is gone, entries were lost that nobody could miss in the next.
if head[1] and (head[2] ~= 'fenced' and head[3] ~= server
  or head[2] == 'open' and call('EXISTS', prefix .. 'log') == 0) then
  sealLog(head[1], head[4])
  local claims, settled = {}, head[6]
  for id in string.gmatch(call('HGET', meta, 'claims') or '', '%S+') do claims[#claims + 1] = id end
  claims[#claims + 1] = server
  while #claims > 16 do table.remove(claims, 1) end
  head[1], head[2], head[3], head[4], head[6] = int(tonumber(head[1]) + 1), 'recovering', server, '0', '0'
  call('HSET', meta, 'epoch', head[1], 'state', head[2], 'server', server, 'rev', '0', 'settled', '0',
    'claims', table.concat(claims, ' '))
  call('HDEL', meta, 'restored', 'settling', 'heard')
  head[8] = nil
  -- Leases that a change of terms left behind may outlive the epoch.
  if settled == '1' then call('HDEL', meta, 'settle_for') end
  call('DEL', prefix .. 'acked')
end
local epoch, state, rev = tonumber(head[1]), head[2], tonumber(head[4])

-- F: a primary that is cut off from its replicas must serve nobody for longer, since one
-- of them may have been promoted. min-replicas-max-lag alone does not see to that. Redis
-- looks at it once a second, and a primary that was stopped for long finds in its sockets
-- the acknowledgements that replicas sent before they were lost to it: it takes them for
-- new, and INFO shows a lag of 0. So what counts is what was acknowledged. Bytes after the
-- offset that the primary had at some time were written after that time; whoever
-- acknowledges them was a replica still. "heard" holds when that was last so, and of the
-- latest questions the time and the offset then. Writing a question down is what the
-- replicas get to acknowledge, which they do once a second.
--
-- By the server's clock, as min-replicas-max-lag: set back while the server is stopped it
-- prolongs F by as much.
local cutOff = false
if fence > 0 then
  local heard, last, open, got = tonumber(string.match(head[8] or '0', '^%d+')), 0, {}, -1
  for acked in string.gmatch(info, 'slave%d+:[^\r\n]-state=online,offset=(%d+)') do got = math.max(got, tonumber(acked)) end
  for at, offset in string.gmatch(head[8] or '', ' (%d+):(%d+)') do
    last = tonumber(at)
    if got > tonumber(offset) then heard = last else open[#open + 1] = at .. ':' .. offset end
  end
  if last > started then heard, last, open = 0, 0, {} end -- the clock was set back
  if epoch and started - last >= fence / 8 then
    open[#open + 1] = int(started) .. ':' .. (string.match(info, 'master_repl_offset:(%d+)') or '0')
    if #open > 8 then table.remove(open, 1) end
    call('HSET', meta, 'heard', int(heard) .. ' ' .. table.concat(open, ' '))
  end
  cutOff = started - heard >= fence
end
