-- Tokens are denied, and perhaps everything of one principal up to a cut-off. The tokens follow the
-- other arguments. The answer is the cut-off and how many entries were made.
--
-- id is the one under which this is owed. An empty principal stands for no cut-off. A cut of 0
-- stands for the present time. outlives is how long an entry outlives its token. Times are in ms.
local id, principal, issuer, cut = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local reason, initiator, outlives = ARGV[5], ARGV[6], tonumber(ARGV[7])
local HEADER, EACH = 7, 7 -- how many arguments come before the tokens, and how many make one

-- A call that is repeated because its reply was lost gives the same answer.
local before = call('HGET', owed, id)
if before then
  local items = cjson.decode(before)
  local entries = #items
  if principal ~= '' then cut, entries = tonumber(items[1].as_of or items[1].cut_off), entries - 1 end
  return { int(cut), int(entries) }
end

local items = {}
if principal ~= '' then
  if cut == 0 then
    local present, disagree = cutOff()
    if disagree then return disagree end
    cut = present
  end
  if cut > perhaps() + 5000 then
    return redis.error_reply('RVINVALID the cut-off is ' .. int(cut - at) .. ' ms in the future by the ledger\'s clock')
  end
  items[1] = {
    scope = 'principal', id = principal, issuer = issuer, as_of = int(cut), reason = reason, initiator = initiator,
  }
end

-- covered reports whether the cut-off sees to a token. The cut-off is of one principal of one issuer.
-- A token of unknown principal, or of unknown issue time, counts as an old one of this principal.
local function covered(tokenIssuer, tokenPrincipal, issuedAt)
  return principal ~= '' and issuedAt <= cut and tokenIssuer == issuer
    and (tokenPrincipal == '' or tokenPrincipal == principal)
end

local entries = 0
for a = HEADER, #ARGV - EACH, EACH do
  local name, jti, tokenIssuer, tokenPrincipal, issuedAt, expiresAt, text = unpack(ARGV, a + 1, a + EACH)
  local expires = tonumber(expiresAt)
  local stands = expires + outlives
  -- Everybody refuses what has expired by both clocks. What ends within a second would be over by the
  -- time it is told, and the ledger refuses that.
  if stands > sure() + 1000 and not covered(tokenIssuer, tokenPrincipal, tonumber(issuedAt)) then
    entries = entries + 1
    items[#items + 1] = {
      scope = 'token', id = jti, issuer = tokenIssuer, ['until'] = int(expires), reason = reason, initiator = initiator,
    }
    local old = call('HGET', details, name)
    local stood = old and tonumber(cjson.decode(old).s) or 0
    if stands >= stood then
      if old then call('ZREM', ends, pad(stood) .. ' ' .. name) end
      call('ZADD', ends, 0, pad(stands) .. ' ' .. name)
      call('HSET', details, name, text)
    end
  end
end
if #items > 0 then owe(id, items, at) end
return { int(cut), int(entries) }
