-- An attempt begins, or is refused. The answer is why it is refused, or empty; how long to wait, in
-- ms; the time; and how many failures the identifier has. id is the attempt's own. slot is where the
-- identifier's failures are counted. network and waiter are where its waits stand, and who waits.
-- window, longestWait and knownForMs are in ms. The others are how many there may be in a window.
local pair, address, identifier, slot, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local window, pairFailures, pairAttempts = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local addressIdentifiers, addressAttempts = tonumber(ARGV[9]), tonumber(ARGV[10])
local identifierFailures, longestWait, knownForMs = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local network, waiter = ARGV[14], ARGV[15]

local logKey, waitKey = base .. 'p:' .. pair, base .. 'w:' .. network
local namesKey, addressKey = base .. 'd:' .. address, base .. 'n:' .. address
local slotKey = base .. 'i:' .. slot

local log = load(logKey, window)
local slotCount = counted(slotKey, window)
local failures = sum(slotCount, window)

-- The time of the answer is when a session that begins now begins, so that cut-offs compare with it.
local begin = begins(true)

local known = knownAt(identifier, pair, knownForMs)

local function answer(reason, wait)
  return { reason, int(math.max(1, math.ceil(wait))), int(begin), int(math.floor(failures)) }
end

-- A call that is repeated was allowed and counted. Once the outcome was told it is over.
local earlier = find(log, id)
if earlier and underWay(earlier) then return answer('', 0) end
if earlier then return redis.error_reply('RVCONFLICT the outcome of an attempt with this id was told before') end

-- waitFor is how long until fewer than limit of the times are in the window.
local function waitFor(times, limit)
  return times[#times - limit + 1] + window - at
end
local failed, all = {}, {}
for _, entry in ipairs(log) do
  all[#all + 1] = entry.at
  if underWay(entry) or entry.state == 'f' then failed[#failed + 1] = entry.at end
end
if #failed >= pairFailures then return answer('pair', waitFor(failed, pairFailures)) end
if #all >= pairAttempts then return answer('attempts', waitFor(all, pairAttempts)) end

local attempts = counted(addressKey, window)

-- oldestGone is how long until the oldest member of a sorted set is out of the window.
local function oldestGone(key)
  local _, score = unpack(call('ZRANGE', key, 0, 0, 'WITHSCORES'))
  return tonumber(score) + window - at
end

if not known then
  -- All attempts from one address count together.
  if sum(attempts, window) + 1 > addressAttempts then
    local left = (attempts.number + 1) * window - at -- to the next window
    if attempts.this + 1 > addressAttempts then
      return answer('address', left + window * (1 - (addressAttempts - 1) / attempts.this))
    end
    return answer('address', left - window * (addressAttempts - 1 - attempts.this) / attempts.last)
  end
  -- The names that failed from one address count too. A name that did so before has its own limit.
  call('ZREMRANGEBYSCORE', namesKey, '-inf', int(at - window))
  call('ZREMRANGEBYSCORE', namesKey, '(' .. int(at + apart), '+inf')
  if not call('ZSCORE', namesKey, pair) and call('ZCARD', namesKey) >= addressIdentifiers then
    return answer('address', oldestGone(namesKey))
  end
  -- A name that fails everywhere has to wait before each attempt, here alone.
  if failures >= identifierFailures then
    local from = tonumber(call('ZSCORE', waitKey, waiter))
    if not from or from <= at - window or from > at + longestWait + apart then
      call('ZREMRANGEBYSCORE', waitKey, '-inf', int(at - window))
      call('ZREMRANGEBYSCORE', waitKey, '(' .. int(at + longestWait + apart), '+inf')
      if call('ZCARD', waitKey) >= addressIdentifiers then return answer('address', oldestGone(waitKey)) end
      from = at + math.min(longestWait, 1000 * (1 + math.floor(failures) - identifierFailures))
      call('ZADD', waitKey, int(from), waiter)
      call('PEXPIRE', waitKey, int(longestWait + window))
    end
    if from > at then return answer('identifier', from - at) end
    call('ZREM', waitKey, waiter)
  end
  call('ZADD', namesKey, int(at), pair)
  call('PEXPIRE', namesKey, int(window))
  slotCount.this = slotCount.this + 1
  keep(slotKey, window, slotCount)
end

attempts.this = attempts.this + 1
keep(addressKey, window, attempts)
log[#log + 1] = { at = at, state = known and 'k' or 'o', id = id }
save(logKey, window, log)
return { '', '0', int(begin), int(math.floor(failures)) }
