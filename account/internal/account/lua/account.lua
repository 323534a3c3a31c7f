-- Every script of the account stores begins with this text.
--
-- KEYS[1] is the realm's hash of owed revocations. All other keys share its slot, and begin as it
-- does, with {rv:<realm>}:a:
local call = redis.call
local owed = KEYS[1]
local prefix = string.sub(owed, 1, -5)

-- wall is the caller's clock in Unix milliseconds. It comes before a script's own arguments, and
-- is taken away here: ARGV holds a script's own arguments alone.
local wall = tonumber(table.remove(ARGV, 1))

-- int writes a number in full. tostring() rounds to 14 digits, and a time may have 16.
local function int(n) return string.format('%.0f', n) end

-- now is the server's clock in Unix milliseconds.
local function now()
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- sure is the time that both clocks have reached. What ends is over by it. perhaps is the time that
-- one of the clocks has reached. What is due is due by it. So a clock that jumped ends nothing too
-- soon, and holds nothing up.
local function sure() return math.min(now(), wall) end
local function perhaps() return math.max(now(), wall) end

-- apart is how far the two clocks may be apart and still agree, in ms.
local apart = 10000

-- instant is Redis' time where both clocks agree, and false where they do not. A failover may set
-- Redis' clock back by up to twice apart. instant does not go back by that: the latest instant that
-- was used is kept for ten minutes. step is how much later the next instant is at least. It is 1
-- for a cut-off, so that what begins from then on comes after it. Nil means that the instant is
-- not used.
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

-- begins is when a login that is made now begins. The second result is whether both clocks agree.
-- asked: nothing begins, and the caller only wants to know.
local function begins(asked)
  local t = instant(not asked and 0 or nil)
  if t then return t, true end
  return sure(), false
end

-- cutOff is the cut-off of what is ended now. Where the clocks disagree it is nil, and the second
-- result is an error reply. A script asks for it before it writes anything.
local function cutOff()
  local t = instant(1)
  if t then return t end
  return nil, redis.error_reply('RVCLOCKS redis and the caller disagree by ' .. int(math.abs(now() - wall)) ..
    ' ms about what time it is: set the clock that is wrong, and try again')
end

-- owe writes down what the fleet has to be told, in the same step as the decision. The caller then
-- tells the fleet. If it cannot, the outbox does, from the time on when this is due. items is a
-- list of tables with the fields of outbox.Item. at is a time of Redis' clock.
local function owe(id, items, at)
  call('HSET', owed, id, cjson.encode(items))
  call('ZADD', prefix .. 'due', int(at + 5000 + math.min(0, wall - now())), id)
end
