-- outcome(pair, address, identifier, slot, id, window, f or s, known for, known addresses)
-- → 1; 0: no such attempt; -1: the opposite was told before
local pair, window, outcome = ARGV[1], tonumber(ARGV[6]), ARGV[7]
local logkey = base .. 'p:' .. pair
local log = load(logkey, window)
local entry = find(log, ARGV[5])
if not entry then return 0 end
if entry.state == outcome or entry.state == 'c' and outcome == 'f' then return 1 end
if entry.state ~= 'o' and entry.state ~= 'k' then return -1 end

local counted_elsewhere = entry.state == 'o'
entry.state = outcome
if outcome == 's' then
  for _, e in ipairs(log) do
    if e.state == 'f' then e.state = 'c' end
  end
  if counted_elsewhere then
    local key = base .. 'i:' .. ARGV[4]
    local c = counted(key, window)
    local n = math.floor(entry.t / window)
    if n == c.n then c.cur = math.max(0, c.cur - 1) else c.last = math.max(0, c.last - 1) end
    keep(key, window, c)
    call('ZREM', base .. 'd:' .. ARGV[2], pair)
  end
  local known = base .. 'k:' .. ARGV[3]
  call('ZADD', known, int(at), pair)
  call('ZREMRANGEBYSCORE', known, '-inf', int(at - tonumber(ARGV[8])))
  call('ZREMRANGEBYRANK', known, 0, -1 - tonumber(ARGV[9]))
  call('PEXPIRE', known, ARGV[8])
end
save(logkey, window, log)
return 1
