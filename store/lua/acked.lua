-- The stream has acknowledged revisions of an epoch. They follow the other arguments. The answer is
-- the position up to which everything is durable. Log entries are trimmed if they are older than
-- longestMs, or if there are more than mostEntries. One call trims at most trimAtOnce of them.
local ackedEpoch, longestMs, mostEntries, trimAtOnce =
  tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local HEADER = 4

if ackedEpoch > epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. epochText) end
for i = HEADER + 1, #ARGV do
  if ackedEpoch == epoch and tonumber(ARGV[i]) > rev then
    return redis.error_reply('RVINVALID revision ' .. ARGV[i] .. ' does not exist')
  end
end

local durable = call('HMGET', meta, 'durable_epoch', 'durable_rev')
local durableEpoch, durableRev = tonumber(durable[1]), tonumber(durable[2])
local acked = prefix .. 'acked'

-- What an earlier epoch left unacknowledged was logged again when this epoch opened. So a late
-- acknowledgement of an earlier revision has nothing to add.
if ackedEpoch == epoch then
  local before = durableRev
  for i = HEADER + 1, #ARGV do
    local revision = tonumber(ARGV[i])
    if revision == durableRev + 1 then
      durableRev = revision
    elseif revision > durableRev then
      call('SADD', acked, int(revision))
    end
  end
  while call('SREM', acked, int(durableRev + 1)) == 1 do durableRev = durableRev + 1 end
  if durableRev ~= before then call('HSET', meta, 'durable_rev', durableRev) end
end

local log = prefix .. 'log'
-- An entry beyond the mark is kept. Should the stream turn out to lack something, the log still
-- has what comes after the mark. A ledger has no mark where nobody audits the stream, or where the
-- stream is about to be refilled from the states. Its log must not grow for ever either.
local keepEpoch, keepRev = durableEpoch, durableRev
local complete = call('HMGET', meta, 'complete_epoch', 'complete_rev')
local completeEpoch, completeRev = tonumber(complete[1]), tonumber(complete[2])
if completeEpoch and order(completeEpoch, completeRev, durableEpoch, durableRev) < 0 then
  keepEpoch, keepRev = completeEpoch, completeRev
end
local oldest, length = now() - longestMs, call('XLEN', log)

-- trimmable reports whether an entry may go. left counts the entries from it on.
local function trimmable(entry, left)
  local entryEpoch, entryRev = string.match(entry[1], '^(%d+)-(%d+)$')
  if order(tonumber(entryEpoch), tonumber(entryRev), keepEpoch, keepRev) > 0 then return false end
  if left > mostEntries then return true end
  local fields, at = entry[2], 0
  for i = 1, #fields, 2 do
    if fields[i] == 't' and at == 0 or fields[i] == 'l' then at = tonumber(fields[i + 1]) end
  end
  return at < oldest
end

-- The first entry is mostly young enough. It is looked at alone, before any others are read.
local first = call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
local last
if first and trimmable(first, length) then
  for i, entry in ipairs(call('XRANGE', log, '-', '+', 'COUNT', trimAtOnce)) do
    if not trimmable(entry, length - i + 1) then break end
    last = entry[1]
  end
end
if last then
  local lastEpoch, lastRev = string.match(last, '^(%d+)-(%d+)$')
  call('XTRIM', log, 'MINID', '=', lastEpoch .. '-' .. int(tonumber(lastRev) + 1))
  call('HSET', meta, 'trimmed_epoch', lastEpoch, 'trimmed_rev', lastRev)
end
return { int(durableEpoch), int(durableRev) }
