-- ARGV: 1 epoch, 2 longest age of a log entry (ms), 3 most log entries, 4 most
-- entries to trim in this call, then revisions.
local e = tonumber(ARGV[1])
if e > epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. head[1]) end
for i = 5, #ARGV do
  if e == epoch and tonumber(ARGV[i]) > rev then
    return redis.error_reply('RVINVALID revision ' .. ARGV[i] .. ' does not exist')
  end
end

local v = call('HMGET', meta, 'durable_epoch', 'durable_rev')
local de, dr = tonumber(v[1]), tonumber(v[2])
local acked = prefix .. 'acked'

-- What an earlier epoch left unacknowledged was logged anew when this one opened, so
-- late acknowledgements of earlier revisions have nothing to add.
if e == epoch then
  local before = dr
  for i = 5, #ARGV do
    local r = tonumber(ARGV[i])
    if r == dr + 1 then
      dr = r
    elseif r > dr then
      call('SADD', acked, int(r))
    end
  end
  while call('SREM', acked, int(dr + 1)) == 1 do dr = dr + 1 end
  if dr ~= before then call('HSET', meta, 'durable_rev', dr) end
end

-- Trimming looks at the oldest entry first, which mostly is young enough.
local log = prefix .. 'log'
-- Never past the mark: should the stream turn out to lack something, the log after it
-- still has it. A ledger without a mark, on a stream that nobody audits or that is about
-- to be refilled from the states, must not grow for ever.
local ke, kr = de, dr
local m = call('HMGET', meta, 'complete_epoch', 'complete_rev')
if m[1] and order(tonumber(m[1]), tonumber(m[2]), de, dr) < 0 then ke, kr = tonumber(m[1]), tonumber(m[2]) end
local t, longest, most = now(), tonumber(ARGV[2]), tonumber(ARGV[3])
local length = call('XLEN', log)
local last

local function trimmable(entry, left)
  local ee, er = string.match(entry[1], '^(%d+)-(%d+)$')
  if order(tonumber(ee), tonumber(er), ke, kr) > 0 then return false end
  if left > most then return true end
  local f, at = entry[2], 0
  for i = 1, #f, 2 do
    if f[i] == 't' and at == 0 or f[i] == 'l' then at = tonumber(f[i + 1]) end
  end
  return at < t - longest
end

local oldest = call('XRANGE', log, '-', '+', 'COUNT', 1)
if oldest[1] and trimmable(oldest[1], length) then
  for i, entry in ipairs(call('XRANGE', log, '-', '+', 'COUNT', ARGV[4])) do
    if not trimmable(entry, length - i + 1) then break end
    last = entry[1]
  end
end
if last then
  local te, tr = string.match(last, '^(%d+)-(%d+)$')
  call('XTRIM', log, 'MINID', '=', te .. '-' .. int(tonumber(tr) + 1))
  call('HSET', meta, 'trimmed_epoch', te, 'trimmed_rev', tr)
end
return { int(de), int(dr) }
