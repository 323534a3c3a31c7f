-- Every script of the account stores starts with this.
--
-- KEYS[1] is the realm's hash of owed revocations; all other keys share its slot and
-- begin as it does, with {rv:<realm>}:a:
local call = redis.call
local owed = KEYS[1]
local prefix = string.sub(owed, 1, -5)

-- tostring() rounds numbers to 14 digits; a time may have 16.
local function int(n) return string.format('%.0f', n) end

-- now is the server's clock in Unix milliseconds.
local function now()
  local t = call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- owe writes down, in the same step as the decision, what the fleet has to be told. The
-- caller does so at once; if it cannot, whoever runs the outbox does, from the time due.
-- items is a list of tables with the fields of outbox.Item.
local function owe(id, items, at)
  call('HSET', owed, id, cjson.encode(items))
  call('ZADD', prefix .. 'due', int(at + 5000), id)
end
