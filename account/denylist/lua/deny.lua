-- deny(id, principal, issuer, cut-off, reason, initiator, how long an entry outlives its
-- token, then seven for each token: name, jti, issuer, principal, issued, expires, details)
-- → the cut-off and how many entries were made.
-- An empty principal: no cut-off; a cut-off of 0: now. Times in ms.
local id, principal = ARGV[1], ARGV[2]
local cut = tonumber(ARGV[4])

-- The call is repeated since its reply was lost: it says what it said.
local before = call('HGET', owed, id)
if before then
  local items = cjson.decode(before)
  local entries = #items
  if principal ~= '' then cut, entries = tonumber(items[1].as_of or items[1].cut_off), entries - 1 end
  return {int(cut), int(entries)}
end

local items = {}
if principal ~= '' then
  if cut == 0 then
    local ends, disagree = cut_off()
    if disagree then return disagree end
    cut = ends
  end
  if cut > perhaps() + 5000 then
    return redis.error_reply('RVINVALID the cut-off is ' .. int(cut - at) .. ' ms in the future by the ledger\'s clock')
  end
  items[1] = {scope = 'principal', id = principal, issuer = ARGV[3], as_of = int(cut), reason = ARGV[5], initiator = ARGV[6]}
end

-- covered: the cut-off is of one principal of one issuer, and sees to its tokens alone. One
-- whose principal or issue time nobody knows is taken for an old one of this principal.
local function covered(a)
  local of, issued = ARGV[a + 3], tonumber(ARGV[a + 4])
  return principal ~= '' and issued <= cut and ARGV[a + 2] == ARGV[3] and (of == '' or of == principal)
end

local entries = 0
for a = 8, #ARGV, 7 do
  local name, stands = ARGV[a], tonumber(ARGV[a + 5]) + tonumber(ARGV[7])
  -- What has expired by both clocks everybody refuses; what ends within a second would be over by the
  -- time it is told, and the ledger refuses that.
  if stands > sure() + 1000 and not covered(a) then
    entries = entries + 1
    items[#items + 1] = {scope = 'token', id = ARGV[a + 1], issuer = ARGV[a + 2], ['until'] = int(tonumber(ARGV[a + 5])), reason = ARGV[5], initiator = ARGV[6]}
    local old = call('HGET', h, name)
    local was = old and tonumber(cjson.decode(old).s) or 0
    if stands >= was then
      if old then call('ZREM', z, pad(was) .. ' ' .. name) end
      call('ZADD', z, 0, pad(stands) .. ' ' .. name)
      call('HSET', h, name, ARGV[a + 6])
    end
  end
end
if #items > 0 then owe(id, items, at) end
return {int(cut), int(entries)}
