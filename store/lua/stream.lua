-- The mark says up to where the stream was seen to be whole. It stands in the meta hash.
local list = prefix .. 'witnesses'

-- pointFrom reads a point of the stream, which five arguments make. All of its fields are text.
-- created is when the stream was made. sequence is the message's place in it, and stored is when
-- the stream stored the message. eventEpoch and eventRev are the position of its event.
local function pointFrom(place)
  local created, sequence, eventEpoch, eventRev, stored = unpack(ARGV, place, place + 4)
  return { created = created, sequence = sequence, eventEpoch = eventEpoch, eventRev = eventRev, stored = stored }
end

-- retention is how long the stream keeps an event, in ms. That is the longest lifetime of the
-- terms, and what comes on top of it (extraMs).
local function retention(extraMs)
  local longest = 0
  for _, ns in ipairs(lifetimes) do longest = math.max(longest, ns) end
  return math.floor(longest / 1000000) + tonumber(extraMs)
end

-- fields returns what a witness holds: the sequence, the event's epoch and revision, when the
-- stream stored it, and until when the stream must still have it.
local function fields(witness) return string.match(witness, '^(%d+) (%d+) (%d+) (%d+) (%d+)$') end

-- keepWitness keeps a point as a witness, if the latest witness is old enough. It drops witnesses
-- that the stream may have dropped by now. The retention holds 512 of them. The bound is for a
-- retention that has changed. Where there is no witness yet, the first one is begin. That is the
-- earliest message that the point's mark rests on. A gap before it does not count. A gap after it does.
local function keepWitness(point, extraMs, begin)
  local keeps, t, stored = retention(extraMs), now(), tonumber(point.stored)
  local last = call('LINDEX', list, -1)
  while last and not below(fields(last), point.sequence) do -- the stream was cut off before it
    call('RPOP', list)
    last = call('LINDEX', list, -1)
  end
  local function keep(p)
    call('RPUSH', list, p.sequence .. ' ' .. p.eventEpoch .. ' ' .. p.eventRev .. ' ' .. p.stored .. ' '
      .. int(tonumber(p.stored) + keeps))
  end
  if not last and begin.created == point.created and begin.sequence ~= '0'
    and below(begin.sequence, point.sequence) and tonumber(begin.stored) > 0 then
    keep(begin)
    last = call('LINDEX', list, -1)
  end
  local since = last and select(4, fields(last)) or '0'
  if point.sequence ~= '0' and stored > 0 and stored >= tonumber(since) + keeps / 512 then
    keep(point)
  end
  local function gone(witness)
    local _, _, _, storedAt, till = fields(witness)
    return math.min(tonumber(storedAt) + keeps, tonumber(till)) < t or call('LLEN', list) > 520
  end
  local first = call('LINDEX', list, 0)
  while first and gone(first) do
    call('LPOP', list)
    first = call('LINDEX', list, 0)
  end
  -- The hash has it too. So describe.lua needs no other key for it.
  call('HSET', meta, 'witness', first or '')
end

-- setMark makes a point the mark. The stream is complete up to completeEpoch and completeRev. It
-- is to be read on from the sequence readFrom. begin is the first message that the mark rests on.
-- A stream that was made later has none of the witnesses of the one before.
local function setMark(point, completeEpoch, completeRev, extraMs, readFrom, begin)
  if call('HGET', meta, 'created') ~= point.created then
    call('DEL', list)
    call('HDEL', meta, 'missing')
  end
  call('HSET', meta, 'created', point.created, 'seq', point.sequence,
    'event_epoch', point.eventEpoch, 'event_rev', point.eventRev, 'stored', point.stored,
    'complete_epoch', completeEpoch, 'complete_rev', completeRev, 'from_seq', readFrom, 'marked', int(now()))
  keepWitness(point, extraMs, begin)
end

local function forgetMark()
  call('HDEL', meta, 'created', 'seq', 'event_epoch', 'event_rev', 'stored', 'complete_epoch', 'complete_rev',
    'from_seq', 'marked', 'witness', 'missing')
  call('DEL', list)
end

-- unsure is the position after which the log may hold what the stream lacks. That is where the
-- stream was last seen to be whole, or what the stream has acknowledged if that is less.
local function unsure()
  local fromEpoch, fromRev, durableEpoch, durableRev, completeEpoch, completeRev = unpack(call('HMGET', meta,
    'from_epoch', 'from_rev', 'durable_epoch', 'durable_rev', 'complete_epoch', 'complete_rev'))
  if fromEpoch then return fromEpoch, fromRev end -- an opening was interrupted, or the mark was forgotten
  if completeEpoch
    and order(tonumber(completeEpoch), tonumber(completeRev), tonumber(durableEpoch), tonumber(durableRev)) < 0 then
    return completeEpoch, completeRev
  end
  return durableEpoch, durableRev
end
