-- The states: one hash per key. c cut-off, x exception, f floor, u until, e-r the
-- position of the latest change and t its time, s scope, b which state it was of all that
-- were ever made; bf, bu, be, br: the ban's start, end and position, only there if there
-- ever was one.
--
-- No state has an expiry. Redis would drop it by one clock, its own, and unseen: a clock
-- that is wrong for a minute would un-revoke for good. States go when forget.lua takes
-- them out, by two clocks, and are counted (born, gone), so that one that vanishes in any
-- other way is missed.
--
-- add must do exactly what State.Merge does in Go; a property test compares them.
local FOREVER = 9007199254740991
local born = tonumber(head[9]) or 0

local function load(key)
  local v = call('HMGET', key, 'c', 'x', 'f', 'u', 'e', 'r', 't', 'bf', 'bu', 'be', 'br', 'b')
  return {
    c = tonumber(v[1]) or 0, x = v[2] or '', f = tonumber(v[3]) or 0, u = tonumber(v[4]) or 0,
    e = tonumber(v[5]) or 0, r = tonumber(v[6]) or 0, t = tonumber(v[7]) or 0,
    bf = tonumber(v[8]) or 0, bu = tonumber(v[9]) or 0, be = tonumber(v[10]) or 0, br = tonumber(v[11]) or 0, b = tonumber(v[12]) or 0,
  }
end

-- add merges the cut-off (c, x, f) of o into s. Hexadecimal keys of one length
-- compare as their bytes do, and the empty string below all of them, as the zero key.
local function add(s, o)
  local hi, lo = s, o
  if o.c > s.c or o.c == s.c and s.x < o.x then hi, lo = o, s end
  local c, x, f = hi.c, hi.x, hi.f
  if x ~= '' then
    local other = lo.c
    if lo.x == x then other = lo.f end
    if other > f then f = other end
  end
  if x == '' or f >= c then x, f = '', c end
  local changed = s.c ~= c or s.x ~= x or s.f ~= f
  s.c, s.x, s.f = c, x, f
  return changed
end

-- ban merges a ban, or its lift (til zero), at position be-br into s.
local function ban(s, from, til, be, br)
  local o = order(s.be, s.br, be, br)
  if o > 0 then return false end
  if o == 0 then from, til = math.min(s.bf, from), math.max(s.bu, til) end
  local changed = o < 0 or s.bf ~= from or s.bu ~= til
  s.bf, s.bu, s.be, s.br = from, til, be, br
  return changed
end

-- save writes a state. A script that has saved any ends with a new value of born in meta.
local function save(key, scope, s)
  if s.b == 0 then
    born = born + 1
    s.b = born
    call('PERSIST', key) -- one that an earlier version made
  end
  call('HSET', key, 'c', s.c, 'x', s.x, 'f', s.f, 'u', s.u, 'e', s.e, 'r', s.r, 't', s.t, 's', scope, 'b', int(s.b))
  if s.be > 0 then call('HSET', key, 'bf', s.bf, 'bu', s.bu, 'be', s.be, 'br', s.br) end
end

-- keepLog makes the log of a ledger that recovers, if it is gone. Entries of earlier epochs
-- are missing then, and perhaps of this one, unless it was gone when the epoch began.
local function keepLog()
  if call('EXISTS', prefix .. 'log') == 1 then return end
  call('XADD', prefix .. 'log', 'MAXLEN', 0, head[1] .. '-' .. int(rev), 'k', 0)
  if rev == 0 and tonumber(head[10]) == epoch - 1 then return end
  call('HSET', meta, 'trimmed_epoch', head[1], 'trimmed_rev', int(rev), 'doubt', int(epoch - 1))
end

-- log appends an entry at epoch-r. at is when the event was committed; logged, if it
-- differs, when it entered this log, which is what trimming by age looks at.
local function log(r, kind, scope, hex, at, c, x, u, from, reason, initiator, logged)
  local f = { 'XADD', prefix .. 'log', head[1] .. '-' .. int(r), 'k', kind, 's', scope, 'h', hex, 't', at }
  local n = #f
  if c ~= 0 then f[n + 1], f[n + 2], n = 'c', c, n + 2 end
  if x ~= '' then f[n + 1], f[n + 2], n = 'x', x, n + 2 end
  if u ~= 0 then f[n + 1], f[n + 2], n = 'u', u, n + 2 end
  if from ~= 0 then f[n + 1], f[n + 2], n = 'f', from, n + 2 end
  if reason ~= '' then f[n + 1], f[n + 2], n = 'y', reason, n + 2 end
  if initiator ~= '' then f[n + 1], f[n + 2], n = 'i', initiator, n + 2 end
  if logged then f[n + 1], f[n + 2] = 'l', logged end
  call(unpack(f))
end
