-- The issuers' clocks, as workers have seen them: one hash for all of them, the only thing
-- besides its own membership that a worker writes. It is under m: as the members are, so
-- that one pattern of an ACL lets a worker write both.
--
-- Field turn counts the turns of the book. The field of an issuer, by its digest, holds
-- the turn it was written in, and then twice, for that turn and for the one before: the
-- lead, which is the largest difference between a token's iat and this server's clock, in
-- ms, '-' for none; how many tokens bear it out; the iat of the latest of them; and whether
-- they have whole seconds.
local LEADS = prefix .. 'm:leads'
-- So many tokens, issued and shown at different times with nearly the same difference, are
-- believed about a clock that is behind: a single one may simply be old.
local ENOUGH = 4
-- Clocks that are behind by less are in step. For being in step a token that nobody was
-- shown must be refused, however shortly before the revocation it was issued.
local BAND = 500

local function skewOf() return tonumber((string.match(head[7], '^%d+ [^ ,]+,(%d+) '))) or 10000 end

local function turnOf() return tonumber(call('HGET', LEADS, 'turn') or '0') or 0 end

-- parse reads an issuer's field as it counts in a turn: now and before.
local function parse(text, turn)
  local b, m, n, l, w, pm, pn, pl, pw =
    string.match(text or '', '^(%d+) (%S+) (%d+) (%d+) (%d) (%S+) (%d+) (%d+) (%d)$')
  local none = { n = 0, l = 0 }
  local this = { m = tonumber(m), n = tonumber(n), l = tonumber(l), whole = w == '1' }
  local last = { m = tonumber(pm), n = tonumber(pn), l = tonumber(pl), whole = pw == '1' }
  b = tonumber(b)
  if b == turn then return this, last end
  if b == turn - 1 then return none, this end
  return none, none
end

local function larger(a, b)
  if not a.m or b.m and b.m > a.m then return b end
  return a
end

-- largest is the largest lead of any issuer, 0 where none is ahead.
local function largest()
  local turn, most = turnOf(), 0
  local all = call('HGETALL', LEADS)
  for i = 1, #all, 2 do
    if all[i] ~= 'turn' then most = math.max(most, larger(parse(all[i + 1], turn)).m or 0) end
  end
  return math.min(most, skewOf())
end

-- leadOf is by how much the clock of an issuer is ahead of this server's, for a cut-off. It
-- is never less than what workers have registered, and they register before they accept: so
-- whatever was accepted before is at or below the cut-off. ahead is what the publisher knows
-- of the clocks of the fleet: by how much they are ahead of this server's. An empty digest
-- is every issuer.
local function leadOf(hex, ahead)
  local skew, turn, best = skewOf(), turnOf(), { n = 0, l = 0 }
  if hex ~= '' then
    best = larger(parse(call('HGET', LEADS, hex), turn))
  else
    local all = call('HGETALL', LEADS)
    for i = 1, #all, 2 do
      if all[i] ~= 'turn' then best = larger(best, larger(parse(all[i + 1], turn))) end
    end
    best = { m = best.m, n = 0 }
  end
  local m, lead = best.m, 0
  if m and m < -skew then m = nil end -- nothing but old tokens, which tell nothing
  if ahead > 0 then
    lead = ahead
  elseif m and best.n >= ENOUGH then
    lead = m + (best.whole and 999 or 0)
  elseif ahead < 0 and (not m or m <= ahead + BAND) then
    lead = ahead
  end
  if lead < 0 and lead > -BAND then lead = 0 end
  if m and m > lead then lead = m end
  return math.max(-skew, math.min(skew, lead))
end
