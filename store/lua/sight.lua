-- A worker is about to accept a token. Before that, the book gets by how much the token's iat is
-- ahead of this server's clock, unless that is more than the skew. issuer is a digest. issued is
-- the iat in ms, or 0 if there is no token. known is a lead that the worker had registered before,
-- or 0.
local issuer, issued, known, names = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

if not isAdmitted(ownClass) then return refuseClass() end
-- An issuer that the book has under another name would be one whose clock nobody has seen.
if names ~= namesText then return redis.error_reply(OTHER_NAMES) end
local t = now()
local book = bookOf(ownClass)
if issued > 0 and issued - t > skew then return { int(t), '1', '0', '0', '0' } end
local turn = turnOf()
local this, last = parse(call('HGET', book, issuer), turn)
local changed = false

if known ~= 0 and known <= skew and (not this.lead or known > this.lead) and (not last.lead or known > last.lead) then
  this, changed = { lead = known, tokens = 0, latest = 0 }, true
end

if issued > 0 then
  local ahead, whole = issued - t, issued % 1000 == 0
  local near, apart = whole and 1000 or 250, whole and 4000 or 1000
  if not this.lead or ahead > this.lead + near then
    this, changed = { lead = ahead, tokens = 1, latest = issued, whole = whole }, true
  elseif ahead >= this.lead - near then
    if ahead > this.lead then this.lead, changed = ahead, true end
    -- Tokens may be issued at nearly the same time and shown at nearly the same time. Then they say
    -- one thing between them, however many they are.
    if this.tokens < ENOUGH and math.abs(issued - this.latest) >= apart then
      this.whole = whole and (this.whole or this.tokens == 0)
      this.tokens, this.latest, changed = this.tokens + 1, issued, true
    end
  end
end

local function text(evidence)
  return (evidence.lead and int(evidence.lead) or '-') .. ' ' .. int(evidence.tokens) .. ' ' .. int(evidence.latest)
    .. ' ' .. (evidence.whole and '1' or '0')
end
if changed then call('HSET', book, issuer, int(turn) .. ' ' .. text(this) .. ' ' .. text(last)) end
-- The evidence of the larger lead counts.
local best = larger(this, last)
return { int(t), '0', int(best.lead or -9007199254740991), best.tokens >= ENOUGH and '1' or '0', int(this.latest) }
