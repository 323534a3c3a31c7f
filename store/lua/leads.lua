-- The issuers' clocks, as workers have seen them. Each class of workers has a hash for that, its
-- book, and its workers write no other. The field leads_turn of meta counts the turns of the books.
--
-- Every field is an issuer's, by its digest. It holds the turn in which it was written, the evidence
-- of that turn, and the evidence of the turn before. Evidence is a table here, and four words in Redis:
--   lead    the largest difference between a token's iat and this server's clock, in ms; '-' for none
--   tokens  how many tokens bear it out
--   latest  the iat of the latest of them
--   whole   whether they have whole seconds
local function bookOf(class) return prefix .. 'l:' .. class end
-- What so many tokens show is believed of a clock that is behind. They were issued and shown at
-- different times, with nearly the same difference. A single token may just be old.
local ENOUGH = 4
-- A clock that is behind by less than this is in step. Where it is in step, a token that nobody
-- was shown must be refused, however shortly before the revocation it was issued.
local BAND = 500
-- A book that has more issuers than this is not read through. Its largest lead may be the skew.
local LISTED = 10000

local function turnOf() return tonumber(call('HGET', meta, 'leads_turn') or '0') end

-- parse reads an issuer's field. It returns the evidence of the given turn and of the one before.
local function parse(text, turn)
  local writtenIn, lead, tokens, latest, whole, oldLead, oldTokens, oldLatest, oldWhole =
    string.match(text or '', '^(%d+) (%S+) (%d+) (%d+) (%d) (%S+) (%d+) (%d+) (%d)$')
  local none = { tokens = 0, latest = 0 }
  local this = { lead = tonumber(lead), tokens = tonumber(tokens), latest = tonumber(latest), whole = whole == '1' }
  local last = {
    lead = tonumber(oldLead), tokens = tonumber(oldTokens), latest = tonumber(oldLatest), whole = oldWhole == '1',
  }
  writtenIn = tonumber(writtenIn)
  if writtenIn == turn then return this, last end
  if writtenIn == turn - 1 then return none, this end
  return none, none
end

-- larger is the evidence that has the larger lead.
local function larger(a, b)
  if not a.lead or b.lead and b.lead > a.lead then return b end
  return a
end

-- readers names the classes whose books a caller may read.
local function readers() return string.gmatch(ownClass or classes, '%S+') end

-- anyIssuer is the evidence of the largest lead of any issuer.
local function anyIssuer(turn)
  local best = { tokens = 0, latest = 0 }
  for class in readers() do
    if call('HLEN', bookOf(class)) > LISTED then return { lead = skew, tokens = 0, latest = 0 } end
    for _, text in ipairs(call('HVALS', bookOf(class))) do best = larger(best, larger(parse(text, turn))) end
  end
  return best
end

-- largest is the largest lead of any issuer. It is 0 where no issuer is ahead.
local function largest()
  return math.min(math.max(anyIssuer(turnOf()).lead or 0, 0), skew)
end

-- leadOf is by how much the clock of an issuer is ahead of this server's, for a cut-off. An empty
-- digest stands for every issuer. The result is never less than what workers have registered.
-- They register before they accept. So the cut-off covers whatever they accepted before it.
-- ahead is by how much the fleet's clocks are ahead of this server's, as the publisher knows it.
local function leadOf(issuer, ahead)
  local turn, best, inStepSomewhere = turnOf(), { tokens = 0, latest = 0 }, false
  if issuer ~= '' then
    local count = 0
    for class in readers() do
      local evidence = larger(parse(call('HGET', bookOf(class), issuer), turn))
      best, count = larger(best, evidence), count + 1
      -- One class must not make another accept more. So a clock counts as behind only if every class
      -- has seen that it is.
      if not evidence.lead then inStepSomewhere = true end
    end
    if count < 2 then inStepSomewhere = false end
  else
    best = { lead = anyIssuer(turn).lead, tokens = 0 }
  end
  local seen, lead = best.lead, 0
  if seen and seen < -skew then seen = nil end -- old tokens alone, which show nothing
  if ahead > 0 then
    lead = ahead
  elseif seen and best.tokens >= ENOUGH then
    lead = seen + (best.whole and 999 or 0)
  elseif ahead < 0 and (not seen or seen <= ahead + BAND) then
    lead = ahead
  end
  if lead < 0 and (lead > -BAND or inStepSomewhere) then lead = 0 end
  -- After a move of the names the books have what was registered before under names that nobody looks for. So
  -- until that would be forgotten anyhow, every issuer may be the one that is furthest ahead.
  if namesText ~= '0' and turn - tonumber(call('HGET', meta, 'moved_turn') or '-2') < 2 then
    lead = math.max(lead, largest())
  end
  if seen and seen > lead then lead = seen end
  return math.max(-skew, math.min(skew, lead))
end
