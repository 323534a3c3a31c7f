-- Every script of the account stores starts with this.
--
-- KEYS[1] is the realm's hash of owed revocations; all other keys share its slot and
-- begin as it does, with {rv:<realm>}:a:
local call = redis.call
local owed = KEYS[1]
local prefix = string.sub(owed, 1, -5)

-- wall is the caller's clock in Unix milliseconds, in front of what the script itself takes.
local wall = tonumber(table.remove(ARGV, 1))

-- tostring() rounds numbers to 14 digits; a time may have 16.
local function int(n) return string.format('%.0f', n) end

-- now is the server's clock in Unix milliseconds.
local function now()
  local t = call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- sure is the time that both clocks have reached, by which something is over; perhaps the
-- one that one of them has, by which it is due: a clock that jumped ends nothing too soon,
-- and holds nothing up.
local function sure() return math.min(now(), wall) end
local function perhaps() return math.max(now(), wall) end

-- How far the two clocks may be apart, in ms, and still be one time.
local apart = 10000

-- instant is Redis' time where both clocks agree, else false. It never goes back by what a
-- failover may set it back: the latest that was handed out, and was used, is kept for ten
-- minutes. step is 1 for a cut-off: whatever begins from then on comes after it. Nil: it is
-- not used, and only asked for.
local clock = prefix .. 'clock:at'
local function instant(step)
  local t = now()
  if math.abs(t - wall) > apart then return false end
  local latest = tonumber(call('HGET', clock, 't') or '0')
  if latest > t and latest <= t + 2 * apart then t = latest end
  if step then
    call('HSET', clock, 't', int(t + step))
    call('PEXPIRE', clock, '600000')
  end
  return t
end

-- begins is when a login that is made now begins; the second value tells whether both
-- clocks say so. asked: nothing begins, the caller wants to know.
local function begins(asked)
  local t = instant(not asked and 0 or nil)
  if t then return t, true end
  return sure(), false
end

-- cut_off is that of what is ended now. Nil and an error reply where the clocks disagree:
-- ask before anything is written.
local function cut_off()
  local t = instant(1)
  if t then return t end
  return nil, redis.error_reply('RVCLOCKS redis and the caller disagree by ' .. int(math.abs(now() - wall)) ..
    ' ms about what time it is: set the clock that is wrong, and try again')
end

-- owe writes down, in the same step as the decision, what the fleet has to be told. The
-- caller does so at once; if it cannot, whoever runs the outbox does, from the time due.
-- items is a list of tables with the fields of outbox.Item; at is a time of Redis' clock.
local function owe(id, items, at)
  call('HSET', owed, id, cjson.encode(items))
  call('ZADD', prefix .. 'due', int(at + 5000 + math.min(0, wall - now())), id)
end
