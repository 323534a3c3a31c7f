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

local head = call('HMGET', meta, 'epoch', 'state', 'server', 'rev', 'generation', 'settled', 'terms')
local server = string.match(call('INFO', 'replication'), 'master_replid:(%x+)')
if not server then return redis.error_reply('RVUNSUITED INFO replication shows no master_replid') end

-- A restarted, promoted or restored server has another replication id than the one
-- that the epoch was opened under, and may have forgotten what was acknowledged. A
-- fenced ledger stays fenced: another server carries on.
if head[1] and head[3] ~= server and head[2] ~= 'fenced' then
  local claims, settled = {}, head[6]
  for id in string.gmatch(call('HGET', meta, 'claims') or '', '%S+') do claims[#claims + 1] = id end
  claims[#claims + 1] = server
  while #claims > 16 do table.remove(claims, 1) end
  head[1], head[2], head[3], head[4], head[6] = int(tonumber(head[1]) + 1), 'recovering', server, '0', '0'
  call('HSET', meta, 'epoch', head[1], 'state', head[2], 'server', server, 'rev', '0', 'settled', '0',
    'claims', table.concat(claims, ' '))
  call('HDEL', meta, 'restored', 'settling')
  -- Leases that a change of terms left behind may outlive the epoch.
  if settled == '1' then call('HDEL', meta, 'settle_for') end
  call('DEL', prefix .. 'acked')
end
local epoch, state, rev = tonumber(head[1]), head[2], tonumber(head[4])
