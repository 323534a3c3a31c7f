-- begin(pair, address, identifier, slot, id, window, pair failures, pair attempts, address
-- identifiers, address attempts, identifier failures, longest wait, known for, network, who
-- waits there)
-- → reason or '', wait in ms, time, failures of the identifier
local pair, window = ARGV[1], tonumber(ARGV[6])
local logkey, waitkey = base .. 'p:' .. pair, base .. 'w:' .. ARGV[14]
local nameskey, addresskey = base .. 'd:' .. ARGV[2], base .. 'n:' .. ARGV[2]
local slotkey = base .. 'i:' .. ARGV[4]

local log = load(logkey, window)
local slot = counted(slotkey, window)
local failures = sum(slot, window)

-- When the attempt begins, as sessions and cut-offs count.
local begin = begins(true)

local succeeded = tonumber(call('ZSCORE', base .. 'k:' .. ARGV[3], pair))
local known = succeeded and succeeded > at - tonumber(ARGV[13])

local function answer(reason, wait)
  return {reason, int(math.max(1, math.ceil(wait))), int(begin), int(math.floor(failures))}
end

-- The call is repeated: it was allowed and counted. Once its outcome is told it is over.
local earlier = find(log, ARGV[5])
if earlier and (earlier.state == 'o' or earlier.state == 'k') then return answer('', 0) end
if earlier then return redis.error_reply('RVCONFLICT the outcome of an attempt with this id was told before') end

-- wait_for is how long until fewer than limit of the times are in the window.
local function wait_for(times, limit)
  return times[#times - limit + 1] + window - at
end
local failed, all = {}, {}
for _, e in ipairs(log) do
  all[#all + 1] = e.t
  if e.state == 'o' or e.state == 'k' or e.state == 'f' then failed[#failed + 1] = e.t end
end
if #failed >= tonumber(ARGV[7]) then return answer('pair', wait_for(failed, tonumber(ARGV[7]))) end
if #all >= tonumber(ARGV[8]) then return answer('attempts', wait_for(all, tonumber(ARGV[8]))) end

local attempts = counted(addresskey, window)

if not known then
  -- From one address: all attempts
  local limit = tonumber(ARGV[10])
  if sum(attempts, window) + 1 > limit then
    local left = (attempts.n + 1) * window - at -- to the next window
    if attempts.cur + 1 > limit then return answer('address', left + window * (1 - (limit - 1) / attempts.cur)) end
    return answer('address', left - window * (limit - 1 - attempts.cur) / attempts.last)
  end
  -- and the names that failed; those that did already have their own limit
  call('ZREMRANGEBYSCORE', nameskey, '-inf', int(at - window))
  call('ZREMRANGEBYSCORE', nameskey, '(' .. int(at + apart), '+inf')
  if not call('ZSCORE', nameskey, pair) and call('ZCARD', nameskey) >= tonumber(ARGV[9]) then
    local oldest = call('ZRANGE', nameskey, 0, 0, 'WITHSCORES')
    return answer('address', tonumber(oldest[2]) + window - at)
  end
  -- A name that fails everywhere: here it waits before each attempt, for nobody elsewhere
  if failures >= tonumber(ARGV[11]) then
    local from = tonumber(call('ZSCORE', waitkey, ARGV[15]))
    if not from or from <= at - window or from > at + tonumber(ARGV[12]) + apart then
      call('ZREMRANGEBYSCORE', waitkey, '-inf', int(at - window))
      call('ZREMRANGEBYSCORE', waitkey, '(' .. int(at + tonumber(ARGV[12]) + apart), '+inf')
      if call('ZCARD', waitkey) >= tonumber(ARGV[9]) then
        local oldest = call('ZRANGE', waitkey, 0, 0, 'WITHSCORES')
        return answer('address', tonumber(oldest[2]) + window - at)
      end
      from = at + math.min(tonumber(ARGV[12]), 1000 * (1 + math.floor(failures) - tonumber(ARGV[11])))
      call('ZADD', waitkey, int(from), ARGV[15])
      call('PEXPIRE', waitkey, int(tonumber(ARGV[12]) + window))
    end
    if from > at then return answer('identifier', from - at) end
    call('ZREM', waitkey, ARGV[15])
  end
  call('ZADD', nameskey, int(at), pair)
  call('PEXPIRE', nameskey, int(window))
  slot.cur = slot.cur + 1
  keep(slotkey, window, slot)
end

attempts.cur = attempts.cur + 1
keep(addresskey, window, attempts)
log[#log + 1] = {t = at, state = known and 'k' or 'o', id = ARGV[5]}
save(logkey, window, log)
return {'', '0', int(begin), int(math.floor(failures))}
