-- Each key that something stands against has a hash, its state. load gives the fields names.
--
-- No state has an expiry. Redis would drop it unseen, and by one clock, its own. A clock that is
-- wrong for a minute would then undo revocations for good. forget.lua takes states out, by two
-- clocks. States are counted when they are made (born) and when they are taken out (gone). So one
-- that vanishes in any other way is missed.
--
-- add must do exactly what State.Merge does in Go. A property test compares them.
local FOREVER = 9007199254740991
local born = tonumber(bornText) or 0

-- load reads a state. The fields of one that is not there are zero or empty.
--
-- cutOff, except and floor are what State has in Go. till is its until. lastEpoch and lastRev
-- are the position of the latest change, and lastAt is its time. banFrom and banTill are the ban's
-- start and end, and banEpoch and banRev its position. Redis has the four only if there ever was
-- a ban. number counts the states in the order in which they were made.
local function load(key)
  local cutOff, except, floor, till, lastEpoch, lastRev, lastAt, banFrom, banTill, banEpoch, banRev, number =
    unpack(call('HMGET', key, 'c', 'x', 'f', 'u', 'e', 'r', 't', 'bf', 'bu', 'be', 'br', 'b'))
  return {
    cutOff = tonumber(cutOff) or 0, except = except or '', floor = tonumber(floor) or 0, till = tonumber(till) or 0,
    lastEpoch = tonumber(lastEpoch) or 0, lastRev = tonumber(lastRev) or 0, lastAt = tonumber(lastAt) or 0,
    banFrom = tonumber(banFrom) or 0, banTill = tonumber(banTill) or 0,
    banEpoch = tonumber(banEpoch) or 0, banRev = tonumber(banRev) or 0, number = tonumber(number) or 0,
  }
end

-- add merges the cut-off, exception and floor of other into those of s. It reports whether they
-- changed.
local function add(s, other)
  local high, low = s, other
  if other.cutOff > s.cutOff then high, low = other, s end
  local cutOff, except, floor = high.cutOff, high.except, high.floor
  if except ~= '' then
    local covered = low.cutOff
    if low.except == except then covered = low.floor end
    if covered > floor then floor = covered end
  end
  if except == '' or floor >= cutOff then except, floor = '', cutOff end
  local changed = s.cutOff ~= cutOff or s.except ~= except or s.floor ~= floor
  s.cutOff, s.except, s.floor = cutOff, except, floor
  return changed
end

-- ban merges a ban, or its lift, into s. It reports whether the ban of s changed. A lift has a
-- till of zero. banEpoch and banRev are the position of what is merged.
local function ban(s, from, till, banEpoch, banRev)
  local sign = order(s.banEpoch, s.banRev, banEpoch, banRev)
  if sign > 0 then return false end
  if sign == 0 then from, till = math.min(s.banFrom, from), math.max(s.banTill, till) end
  local changed = sign < 0 or s.banFrom ~= from or s.banTill ~= till
  s.banFrom, s.banTill, s.banEpoch, s.banRev = from, till, banEpoch, banRev
  return changed
end

-- save writes a state. name is the sealed name of its key; '' leaves what there is. A script that has saved one writes born into meta before it ends.
local function save(key, scope, s, name)
  if s.number == 0 then
    born = born + 1
    s.number = born
    call('PERSIST', key) -- one that an earlier version made
  end
  call('HSET', key, 'c', s.cutOff, 'x', s.except, 'f', s.floor, 'u', s.till, 'e', s.lastEpoch, 'r', s.lastRev,
    't', s.lastAt, 's', scope, 'b', int(s.number))
  if namesText ~= '0' then call('HSET', key, 'n', namesText) end
  if name ~= '' then call('HSET', key, 'w', name) end
  if s.banEpoch > 0 then
    call('HSET', key, 'bf', s.banFrom, 'bu', s.banTill, 'be', s.banEpoch, 'br', s.banRev)
  end
end

-- keepLog makes the log of a ledger that recovers, if it is gone. Then entries of earlier epochs
-- are missing. Entries of this epoch may be missing too, unless the log was gone when it began.
local function keepLog()
  if call('EXISTS', prefix .. 'log') == 1 then return end
  call('XADD', prefix .. 'log', 'MAXLEN', 0, epochText .. '-' .. int(rev), 'k', 0)
  if rev == 0 and tonumber(doubtText) == epoch - 1 then return end
  call('HSET', meta, 'trimmed_epoch', epochText, 'trimmed_rev', int(rev), 'doubt', int(epoch - 1),
    'doubt_born', int(born))
end

-- log appends an entry under the epoch and the revision entryRev. at is when the event was
-- committed. loggedAt is when it entered this log, if that was at another time. Trimming by age
-- looks at loggedAt. names is how many name secrets hex and except are made with, name is the sealed name.
local function log(entryRev, kind, scope, hex, names, name, at, cutOff, except, till, from, reason, initiator,
  loggedAt)
  local f = { 'XADD', prefix .. 'log', epochText .. '-' .. int(entryRev), 'k', kind, 's', scope, 'h', hex, 't', at }
  local n = #f
  if names ~= '0' then f[n + 1], f[n + 2], n = 'n', names, n + 2 end
  if name ~= '' then f[n + 1], f[n + 2], n = 'w', name, n + 2 end
  if cutOff ~= 0 then f[n + 1], f[n + 2], n = 'c', cutOff, n + 2 end
  if except ~= '' then f[n + 1], f[n + 2], n = 'x', except, n + 2 end
  if till ~= 0 then f[n + 1], f[n + 2], n = 'u', till, n + 2 end
  if from ~= 0 then f[n + 1], f[n + 2], n = 'f', from, n + 2 end
  if reason ~= '' then f[n + 1], f[n + 2], n = 'y', reason, n + 2 end
  if initiator ~= '' then f[n + 1], f[n + 2], n = 'i', initiator, n + 2 end
  if loggedAt then f[n + 1], f[n + 2] = 'l', loggedAt end
  call(unpack(f))
end
