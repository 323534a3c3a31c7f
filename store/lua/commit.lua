-- ARGV: 1 idempotency hash, 2 fingerprint of the proposals, 3 how long the answer is
-- kept, 4 leeway, 5 margin, 6 how far apart two clocks may be that are in step (all ms), then
-- sixteen for each proposal: kind, scope, key, cut-off, exception, until, from, reason,
-- initiator, the position (epoch, revision) that it had when it was committed before, 0 if it
-- was not, and what the cut-off of now needs: the digest of the issuer, by how much the
-- fleet's clocks are ahead of this one, the largest lead that the publisher has seen
-- registered, and what this clock shows at least; and the time as the publisher reckons it, 0
-- if it does not.
local memory = prefix .. 'i:' .. ARGV[1]
local first = call('GET', memory)
if first then
  local mark, e, generation, answer = string.match(first, '^(%x+) (%d+) (%d+) (.*)$')
  if mark ~= ARGV[2] then
    return redis.error_reply('RVCONFLICT the idempotency key was used before for other proposals')
  end
  return { '1', e, generation, head[6], head[7], answer }
end

-- A proposal is made at the time of this server's clock, unless that is out of step with
-- what the publisher reckons: then this clock has jumped, and must not write cut-offs.
local clock, inStep = now(), tonumber(ARGV[6])
local function timeOf(reckoned)
  if reckoned > 0 and math.abs(reckoned - clock) > inStep then return reckoned end
  return clock
end
local skew, leeway, margin = skewOf(), tonumber(ARGV[4]), tonumber(ARGV[5])
local lifetime = { string.match(head[7], '^%S+ %S+ %S+ (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)') }

local LATEST = 253402300799000 -- the last second that RFC 3339 can write

local function refuse(i, text)
  if ARGV[23] then text = 'proposal ' .. i .. ': ' .. text end -- one of several
  return redis.error_reply('RVINVALID ' .. text)
end

-- cutOffNow is the present time as an issuer has it. An epoch that has not settled may have
-- lost what workers had registered.
local leads = {}
local function cutOffNow(t, hex, ahead, before, least)
  if t ~= clock then ahead, least = '0', '0' end -- a clock that jumped is nothing to compare with
  local id = t .. ' ' .. hex .. ' ' .. ahead .. ' ' .. before .. ' ' .. least
  if not leads[id] then
    local lead = leadOf(hex, tonumber(ahead))
    if head[6] ~= '1' then lead = math.max(lead, math.min(skew, tonumber(before))) end
    -- Set back, this clock is behind what it showed when tokens were accepted by it.
    local back = math.min(skew, math.max(0, tonumber(least) - t))
    leads[id] = math.min(skew, lead + back)
  end
  return t + leads[id]
end

-- First look at all of them, then write: all or none.
local list = {}
for a = 6, #ARGV - 16, 16 do
  local i = #list + 1
  local p = {
    kind = ARGV[a + 1], scope = ARGV[a + 2], hex = ARGV[a + 3], c = tonumber(ARGV[a + 4]), x = ARGV[a + 5],
    u = tonumber(ARGV[a + 6]), from = tonumber(ARGV[a + 7]), reason = ARGV[a + 8], initiator = ARGV[a + 9], f = 0,
    oe = tonumber(ARGV[a + 10]), orv = tonumber(ARGV[a + 11]), t = timeOf(tonumber(ARGV[a + 16])),
  }
  local t = p.t
  if p.kind == '1' then
    local outright = p.scope == '1' or p.scope == '2'
    if outright and p.c == 0 then p.c = FOREVER end
    if p.c == 0 then
      p.c = cutOffNow(t, ARGV[a + 12], ARGV[a + 13], ARGV[a + 14], ARGV[a + 15])
      -- Decided then, by this clock, and about times by this clock too.
      if p.from > 0 then p.c = p.from + math.max(0, p.c - t) end
    end
    p.from = 0
    if outright and p.c ~= FOREVER then return refuse(i, 'a token or session is dead outright and takes no cut-off') end
    if p.c ~= FOREVER and p.c > t + skew then
      return refuse(i, 'the cut-off is ' .. int(p.c - t) .. ' ms in the future by the ledger\'s clock')
    end
    -- Until is when the last token that is covered expires. A verifier forgives the leeway
    -- beyond that, so it comes on top whoever named the until. And a caller knows when one
    -- token expires, but not what else a session or a cut-off covers: there a given until
    -- never shortens what the longest lifetime implies.
    local longest = math.ceil((tonumber(lifetime[tonumber(p.scope)]) or 0) / 1000000)
    if p.u == 0 then
      if longest == 0 then return refuse(i, 'the ledger\'s terms know no longest lifetime for this scope: say until when') end
      p.u = t + longest
    elseif p.u + leeway + margin <= t then
      return refuse(i, 'until is in the past by the ledger\'s clock')
    elseif p.scope ~= '1' and longest > 0 then
      p.u = math.max(p.u, (p.c == FOREVER and t or p.c) + longest)
    end
    p.enough = math.max(p.u, math.min(p.u + leeway, LATEST))
    p.u = math.max(p.u, math.min(p.enough + margin, LATEST))
    if p.x == '' then p.f = p.c end
  elseif p.kind == '2' then
    if p.u <= t then return refuse(i, 'the ban\'s end is in the past by the ledger\'s clock') end
    if p.from >= p.u then return refuse(i, 'the ban ends before it starts') end
  end
  list[i] = p
end

-- inDoubt reports whether a state may be missing in the stream, so that it must be logged
-- again to become durable.
local doubt = tonumber(head[10]) or 0
local function inDoubt(s)
  if s.e == 0 then return false end
  return s.e <= doubt
end

local before = rev
local answer = {}
for i, p in ipairs(list) do
  local t = p.t
  local key = prefix .. 's:' .. p.hex
  local s, fresh = nil, true
  if p.kind ~= '4' then s = load(key) end

  if p.kind == '1' then
    -- The until has a margin, so that the same revocation again within it is covered by
    -- the first one.
    fresh = add(s, p) or s.u < p.enough
    if inDoubt(s) then fresh = true end
  elseif p.oe > 0 and p.kind ~= '4' and order(s.be, s.br, p.oe, p.orv) >= 0 then
    -- Committed again after a change of epoch: it has survived, or something later has
    -- overridden it, which it must not override in its turn.
    fresh = false
    if inDoubt(s) and order(s.be, s.br, p.oe, p.orv) == 0 then fresh = true end
    if p.kind == '3' then p.u = s.u end
  elseif p.kind == '2' then
    ban(s, p.from, p.u, epoch, rev + 1)
  elseif p.kind == '3' then
    -- The tombstone of a ban has to outlive what it lifts.
    fresh = s.bu ~= 0
    if inDoubt(s) then fresh = true end
    p.u = s.u
    if fresh then ban(s, 0, 0, epoch, rev + 1) end
  end

  local e, r, at = epoch, rev, t
  if fresh then
    rev = rev + 1
    r = rev
    if s then
      s.u, s.e, s.r, s.t = math.max(s.u, p.u), epoch, rev, t
      save(key, p.scope, s)
    end
    log(rev, p.kind, p.scope, p.hex, t, p.c, p.x, p.u, p.from, p.reason, p.initiator)
  elseif s.e > 0 then
    e, r, at, p.u = s.e, s.r, s.t, s.u
    if p.kind == '1' then p.c, p.x = s.c, s.x end
  end
  answer[i] = string.format('%.0f-%.0f %.0f %.0f %s %.0f %d', e, r, at, p.c, p.x == '' and '-' or p.x, p.u, fresh and 1 or 0)
end

if rev ~= before then call('HSET', meta, 'rev', rev, 'born', int(born)) end
local text = table.concat(answer, ';')
call('SET', memory, ARGV[2] .. ' ' .. head[1] .. ' ' .. (head[5] or '0') .. ' ' .. text, 'PX', ARGV[3])
return { '0', head[1], head[5], head[6], head[7], text }
