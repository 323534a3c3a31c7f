-- deny(id, principal, issuer, cut-off, reason, initiator, then six for each token: name,
-- jti, issuer, issued, until, details) → the cut-off and how many entries were made.
-- An empty principal: no cut-off; a cut-off of 0: now. Times in ms.
local id, principal = ARGV[1], ARGV[2]
local cut = tonumber(ARGV[4])

-- The call is repeated since its reply was lost: it says what it said.
local before = call('HGET', owed, id)
if before then
  local items = cjson.decode(before)
  local entries = #items
  if principal ~= '' then cut, entries = tonumber(items[1].cut_off), entries - 1 end
  return {int(cut), int(entries)}
end

local items = {}
if principal ~= '' then
  if cut == 0 then cut = at end
  if cut > at + 5000 then
    return redis.error_reply('RVINVALID the cut-off is ' .. int(cut - at) .. ' ms in the future by the ledger\'s clock')
  end
  items[1] = {scope = 'principal', id = principal, issuer = ARGV[3], cut_off = int(cut), reason = ARGV[5], initiator = ARGV[6]}
end

local entries = 0
for a = 7, #ARGV, 6 do
  local name, issued, stands = ARGV[a], tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
  -- A token that has expired is refused by everybody, and one that the cut-off covers, or
  -- whose issue time nobody knows, needs no entry of its own.
  if stands > at and (principal == '' or issued > cut) then
    entries = entries + 1
    items[#items + 1] = {scope = 'token', id = ARGV[a + 1], issuer = ARGV[a + 2], ['until'] = int(stands), reason = ARGV[5], initiator = ARGV[6]}
    local old = call('HGET', h, name)
    local was = old and tonumber(cjson.decode(old).s) or 0
    if stands >= was then
      if old then call('ZREM', z, pad(was) .. ' ' .. name) end
      call('ZADD', z, 0, pad(stands) .. ' ' .. name)
      call('HSET', h, name, ARGV[a + 5])
    end
  end
end
if entries > 0 then
  local last = call('ZREVRANGEBYLEX', z, '+', '-', 'LIMIT', 0, 1)[1]
  local ends = string.format('%.0f', tonumber(string.sub(last, 1, 16)))
  call('PEXPIREAT', z, ends)
  call('PEXPIREAT', h, ends)
end
if #items > 0 then owe(id, items, at) end
return {int(cut), int(entries)}
