-- Events that JetStream has are merged into a ledger that recovers. They follow the other argument.
-- No clock has a say here: the caller leaves out what may be forgotten. The answer is how many
-- revisions this made.
local ofEpoch = tonumber(ARGV[1])
local HEADER, EACH = 1, 14 -- how many arguments come before the events, and how many make one

if not epoch then return redis.error_reply('RVUNINITIALISED nothing at ' .. meta) end
if state == 'fenced' then return redis.error_reply('RVFENCED epoch ' .. epochText) end
if state ~= 'recovering' or ofEpoch ~= epoch then
  return redis.error_reply('RVEPOCH the ledger is ' .. state .. ' in epoch ' .. epochText)
end

keepLog()
local t, before = now(), rev
for a = HEADER, #ARGV - EACH, EACH do
  local kind, scope, hex, names, name, cutOff, except, till, from, reason, initiator, at, eventEpoch, eventRev =
    unpack(ARGV, a + 1, a + EACH)
  cutOff, till, from = tonumber(cutOff), tonumber(till), tonumber(from)
  at, eventEpoch, eventRev = tonumber(at), tonumber(eventEpoch), tonumber(eventRev)
  local key = prefix .. 's:' .. hex
  local s = kind ~= '4' and load(key)
  if s then
    local longer = till > s.till
    -- What was lost has to be told to the workers and to JetStream under a new revision. A ban or
    -- lift that a later one overrode must not be told: under its new revision it would override
    -- the later one. Hence the state keeps the ban's old position.
    local lost
    if kind == '1' then
      lost = add(s, { cutOff = cutOff, except = except, floor = except == '' and cutOff or 0 }) or longer
    else
      lost = ban(s, from, kind == '2' and till or 0, eventEpoch, eventRev)
    end
    if lost or longer then
      s.till = math.max(s.till, till)
      if lost then
        rev = rev + 1
        s.lastEpoch, s.lastRev, s.lastAt = epoch, rev, at
        log(rev, kind, scope, hex, names, name, at, cutOff, except, till, from, reason, initiator, t)
      end
      save(key, scope, s, name)
    end
  end
end
if rev ~= before then
  call('HSET', meta, 'rev', rev, 'born', int(born))
  -- Everything up to here came from JetStream and need not be published again. An opening that was
  -- interrupted may have begun to log other things in between. Then this does not hold.
  if (tonumber(call('HGET', meta, 'restored')) or 0) == before then call('HSET', meta, 'restored', rev) end
end
return rev - before
