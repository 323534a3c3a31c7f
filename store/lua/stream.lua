-- The mark: up to where the stream was seen to be whole. It stands in the meta hash.
local list = prefix .. 'witnesses'

-- retention is how long the stream keeps an event, in ms: the terms' longest lifetime
-- and what comes on top of it.
local function retention(extra)
  local longest = 0
  for _, ns in ipairs({ string.match(head[7], '^%S+ %S+ %S+ (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)') }) do
    longest = math.max(longest, tonumber(ns))
  end
  return math.floor(longest / 1000000) + tonumber(extra)
end

-- fields of a witness: sequence, event's epoch and revision, when the stream stored it,
-- and until when it must still have it.
local function fields(witness) return string.match(witness, '^(%d+) (%d+) (%d+) (%d+) (%d+)$') end

-- keepWitness keeps point p, if the latest one that was kept is old enough, and drops
-- those that the stream may have dropped by now. There are 512 within the retention, and
-- the bound is for one that has changed. Where there is none yet the first is begin, the
-- earliest message that p's mark rests on: before it nothing is missed, after it something.
local function keepWitness(p, extra, begin)
  local keeps, t, stored = retention(extra), now(), tonumber(p[5])
  local last = call('LINDEX', list, -1)
  while last and not below(fields(last), p[2]) do -- the stream was cut off before it
    call('RPOP', list)
    last = call('LINDEX', list, -1)
  end
  local function keep(q) call('RPUSH', list, table.concat(q, ' ', 2, 5) .. ' ' .. int(tonumber(q[5]) + keeps)) end
  if not last and begin[1] == p[1] and begin[2] ~= '0' and below(begin[2], p[2]) and tonumber(begin[5]) > 0 then
    keep(begin)
    last = call('LINDEX', list, -1)
  end
  local since = last and select(4, fields(last)) or '0'
  if p[2] ~= '0' and stored > 0 and stored >= tonumber(since) + keeps / 512 then
    keep(p)
  end
  local function gone(witness)
    local _, _, _, at, till = fields(witness)
    return math.min(tonumber(at) + keeps, tonumber(till)) < t or call('LLEN', list) > 520
  end
  local first = call('LINDEX', list, 0)
  while first and gone(first) do
    call('LPOP', list)
    first = call('LINDEX', list, 0)
  end
  -- It stands in the hash too, so that who describes the ledger needs no other key.
  call('HSET', meta, 'witness', first or '')
end

-- setMark makes p (created, sequence, event's epoch and revision, stored) the mark,
-- complete up to ce-cr, to be read on from sequence from, begin being its first message. A stream made anew has none of the witnesses of the one before.
local function setMark(p, ce, cr, extra, from, begin)
  if call('HGET', meta, 'created') ~= p[1] then
    call('DEL', list)
    call('HDEL', meta, 'missing')
  end
  call('HSET', meta, 'created', p[1], 'seq', p[2], 'event_epoch', p[3], 'event_rev', p[4], 'stored', p[5],
    'complete_epoch', ce, 'complete_rev', cr, 'from_seq', from, 'marked', int(now()))
  keepWitness(p, extra, begin)
end

local function forgetMark()
  call('HDEL', meta, 'created', 'seq', 'event_epoch', 'event_rev', 'stored', 'complete_epoch', 'complete_rev',
    'from_seq', 'marked', 'witness', 'missing')
  call('DEL', list)
end

-- unsure is the position after which the log may hold what the stream lacks: where the
-- stream was last seen to be whole, or what it has acknowledged if that is less.
local function unsure()
  local v = call('HMGET', meta, 'from_epoch', 'from_rev', 'durable_epoch', 'durable_rev', 'complete_epoch', 'complete_rev')
  if v[1] then return v[1], v[2] end -- an opening was interrupted, or the mark forgotten
  if v[5] and order(tonumber(v[5]), tonumber(v[6]), tonumber(v[3]), tonumber(v[4])) < 0 then return v[5], v[6] end
  return v[3], v[4]
end
