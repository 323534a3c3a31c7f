-- The outcome of an attempt is told: f for failed, s for succeeded. The answer is 1. It is 0 if there
-- is no such attempt, and -1 if the opposite was told before.
local pair, address, identifier, slot, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local window, outcome, knownForMs, knownAddresses = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])

local logKey = base .. 'p:' .. pair
local log = load(logKey, window)
local entry = find(log, id)
if not entry then return 0 end
if entry.state == outcome or entry.state == 'c' and outcome == 'f' then return 1 end
if not underWay(entry) then return -1 end

local countedElsewhere = entry.state == 'o'
entry.state = outcome
if outcome == 's' then
  for _, earlier in ipairs(log) do
    if earlier.state == 'f' then earlier.state = 'c' end
  end
  if countedElsewhere then
    local slotKey = base .. 'i:' .. slot
    local failures = counted(slotKey, window)
    if math.floor(entry.at / window) == failures.number then
      failures.this = math.max(0, failures.this - 1)
    else
      failures.last = math.max(0, failures.last - 1)
    end
    keep(slotKey, window, failures)
    call('ZREM', base .. 'd:' .. address, pair)
  end
  local knownKey = base .. 'k:' .. identifier
  call('ZADD', knownKey, int(at), pair)
  call('ZREMRANGEBYSCORE', knownKey, '-inf', int(at - knownForMs))
  call('ZREMRANGEBYRANK', knownKey, 0, -1 - knownAddresses)
  call('PEXPIRE', knownKey, int(knownForMs))
end
save(logKey, window, log)
return 1
