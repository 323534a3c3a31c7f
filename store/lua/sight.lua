-- ARGV: 1 digest of the issuer, 2 iat (ms), 0: no token, 3 a lead that the worker had
-- registered before, 0: none. Registers, before a worker accepts the token, by how much its
-- iat is ahead of this server's clock, unless that is more than the skew.
local t, issued, known = now(), tonumber(ARGV[2]), tonumber(ARGV[3])
local skew = skewOf()
if issued > 0 and issued - t > skew then return { int(t), '1', '0', '0', '0' } end
local turn = turnOf()
local this, last = parse(call('HGET', LEADS, ARGV[1]), turn)
local changed = false

if known ~= 0 and known <= skew and (not this.m or known > this.m) and (not last.m or known > last.m) then
  this, changed = { m = known, n = 0, l = 0 }, true
end

if issued > 0 then
  local ahead, whole = issued - t, issued % 1000 == 0
  local near, apart = whole and 1000 or 250, whole and 4000 or 1000
  if not this.m or ahead > this.m + near then
    this, changed = { m = ahead, n = 1, l = issued, whole = whole }, true
  elseif ahead >= this.m - near then
    if ahead > this.m then this.m, changed = ahead, true end
    -- Tokens that were issued at nearly the same time and are shown at nearly the same time
    -- say one thing between them, however many they are.
    if this.n < ENOUGH and math.abs(issued - this.l) >= apart then
      this.whole = whole and (this.whole or this.n == 0)
      this.n, this.l, changed = this.n + 1, issued, true
    end
  end
end

local function text(s)
  return (s.m and int(s.m) or '-') .. ' ' .. int(s.n) .. ' ' .. int(s.l) .. ' ' .. (s.whole and '1' or '0')
end
if changed then call('HSET', LEADS, ARGV[1], int(turn) .. ' ' .. text(this) .. ' ' .. text(last)) end
-- The evidence that counts is that of the larger lead.
local best = larger(this, last)
return { int(t), '0', int(best.m or -9007199254740991), best.n >= ENOUGH and '1' or '0', int(this.l) }
