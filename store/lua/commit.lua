-- A commit writes all of its proposals or none. They follow the other arguments.
--
-- The answer is kept under the digest of the call's idempotency key, for keepMs. The fingerprint
-- tells whether a later call with this key proposes the same. inStep is how far apart two clocks
-- may be that are in step. All times are in ms.
local digest, fingerprint, keepMs = ARGV[1], ARGV[2], ARGV[3]
local leeway, margin, inStep = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local HEADER, EACH = 6, 16 -- how many arguments come before the proposals, and how many make one

local memory = prefix .. 'i:' .. digest
local first = call('GET', memory)
if first then
  local firstFingerprint, firstEpoch, firstGeneration, firstAnswer = string.match(first, '^(%x+) (%d+) (%S+) (.*)$')
  if firstFingerprint ~= fingerprint then
    return redis.error_reply('RVCONFLICT the idempotency key was used before for other proposals')
  end
  return { '1', firstEpoch, firstGeneration, settled, terms, firstAnswer }
end

-- A proposal is made at the time of this server's clock, unless that is out of step with what the
-- publisher reckons. Then this clock has jumped, and must not write cut-offs.
local clock = now()
local function timeOf(reckoned)
  if reckoned > 0 and math.abs(reckoned - clock) > inStep then return reckoned end
  return clock
end
local skew = skewOf()
local lifetimes = { string.match(terms, '^%S+ %S+ %S+ (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)') } -- ns, by scope

local LATEST = 253402300799000 -- the last second that RFC 3339 can write

local function refuse(i, text)
  if #ARGV > HEADER + EACH then text = 'proposal ' .. i .. ': ' .. text end -- one of several
  return redis.error_reply('RVINVALID ' .. text)
end

-- cutOffNow is the present time as an issuer has it. t is the time of the proposal.
--
-- fleetAhead is by how much the fleet's clocks are ahead of this one. seenLead is the largest lead
-- that the publisher has seen registered. An epoch that has not settled may have lost what workers
-- had registered. seenClock is what this clock has shown at least.
local leads = {}
local function cutOffNow(t, issuer, fleetAhead, seenLead, seenClock)
  if t ~= clock then fleetAhead, seenClock = '0', '0' end -- a clock that jumped is nothing to compare with
  local id = t .. ' ' .. issuer .. ' ' .. fleetAhead .. ' ' .. seenLead .. ' ' .. seenClock
  if not leads[id] then
    local lead = leadOf(issuer, tonumber(fleetAhead))
    if settled ~= '1' then lead = math.max(lead, math.min(skew, tonumber(seenLead))) end
    -- A clock that was set back is behind what it showed when tokens were accepted by it.
    local back = math.min(skew, math.max(0, tonumber(seenClock) - t))
    leads[id] = math.min(skew, lead + back)
  end
  return t + leads[id]
end

-- All proposals are looked at before the first one is written.
local proposals = {}
for a = HEADER, #ARGV - EACH, EACH do
  local i = #proposals + 1
  -- oldEpoch and oldRev are the position that the proposal had when it was committed before. They
  -- are 0 if it was not. issuer is a digest. reckoned is the time as the publisher reckons it, or 0.
  local kind, scope, hex, cutOff, except, till, from, reason, initiator, oldEpoch, oldRev,
    issuer, fleetAhead, seenLead, seenClock, reckoned = unpack(ARGV, a + 1, a + EACH)
  local t = timeOf(tonumber(reckoned))
  local p = {
    kind = kind, scope = scope, hex = hex, cutOff = tonumber(cutOff), except = except, floor = 0,
    till = tonumber(till), from = tonumber(from), reason = reason, initiator = initiator,
    oldEpoch = tonumber(oldEpoch), oldRev = tonumber(oldRev), at = t,
  }
  if kind == '1' then
    local outright = scope == '1' or scope == '2'
    if outright and p.cutOff == 0 then p.cutOff = FOREVER end
    if p.cutOff == 0 then
      p.cutOff = cutOffNow(t, issuer, fleetAhead, seenLead, seenClock)
      -- The decision was made at from, by this clock. It is about times by this clock too.
      if p.from > 0 then p.cutOff = p.from + math.max(0, p.cutOff - t) end
    end
    p.from = 0
    if outright and p.cutOff ~= FOREVER then
      return refuse(i, 'a token or session is dead outright and takes no cut-off')
    end
    if p.cutOff ~= FOREVER and p.cutOff > t + skew then
      return refuse(i, 'the cut-off is ' .. int(p.cutOff - t) .. ' ms in the future by the ledger\'s clock')
    end
    -- Until is when the last token that is covered expires. A verifier forgives the leeway beyond
    -- that. So the leeway is added, even to an until that the caller named. A caller knows when one
    -- token expires, but not what else a session or a cut-off covers. There the until that the
    -- caller names never shortens what follows from the longest lifetime.
    local longest = math.ceil((tonumber(lifetimes[tonumber(scope)]) or 0) / 1000000)
    if p.till == 0 then
      if longest == 0 then
        return refuse(i, 'the ledger\'s terms know no longest lifetime for this scope: say until when')
      end
      p.till = t + longest
    elseif p.till + leeway + margin <= t then
      return refuse(i, 'until is in the past by the ledger\'s clock')
    elseif scope ~= '1' and longest > 0 then
      p.till = math.max(p.till, (p.cutOff == FOREVER and t or p.cutOff) + longest)
    end
    p.enough = math.max(p.till, math.min(p.till + leeway, LATEST))
    p.till = math.max(p.till, math.min(p.enough + margin, LATEST))
    if p.except == '' then p.floor = p.cutOff end
  elseif kind == '2' then
    if p.till <= t then return refuse(i, 'the ban\'s end is in the past by the ledger\'s clock') end
    if p.from >= p.till then return refuse(i, 'the ban ends before it starts') end
  end
  proposals[i] = p
end

-- inDoubt reports whether a state may be missing in the stream. Such a state becomes durable only
-- when it is logged again.
local doubt = tonumber(doubtText) or 0
local function inDoubt(s)
  if s.lastEpoch == 0 then return false end
  return s.lastEpoch <= doubt
end

local before = rev
local entries = {}
for i, p in ipairs(proposals) do
  local kind = p.kind
  local key = prefix .. 's:' .. p.hex
  local s, fresh = nil, true
  if kind ~= '4' then s = load(key) end

  if kind == '1' then
    -- The until has a margin. So the first revocation covers the same one again within the margin.
    fresh = add(s, p) or s.till < p.enough
    if inDoubt(s) then fresh = true end
  elseif p.oldEpoch > 0 and kind ~= '4' and order(s.banEpoch, s.banRev, p.oldEpoch, p.oldRev) >= 0 then
    -- The proposal is committed again after a change of epoch. Either it has survived, or something
    -- later has overridden it. Then it must not override that.
    fresh = false
    if inDoubt(s) and order(s.banEpoch, s.banRev, p.oldEpoch, p.oldRev) == 0 then fresh = true end
    if kind == '3' then p.till = s.till end
  elseif kind == '2' then
    ban(s, p.from, p.till, epoch, rev + 1)
  elseif kind == '3' then
    -- The tombstone of a ban has to outlive what it lifts.
    fresh = s.banTill ~= 0
    if inDoubt(s) then fresh = true end
    p.till = s.till
    if fresh then ban(s, 0, 0, epoch, rev + 1) end
  end

  local entryEpoch, entryRev, at = epoch, rev, p.at
  if fresh then
    rev = rev + 1
    entryRev = rev
    if s then
      s.till, s.lastEpoch, s.lastRev, s.lastAt = math.max(s.till, p.till), epoch, rev, at
      save(key, p.scope, s)
    end
    log(rev, kind, p.scope, p.hex, at, p.cutOff, p.except, p.till, p.from, p.reason, p.initiator)
  elseif s.lastEpoch > 0 then
    entryEpoch, entryRev, at, p.till = s.lastEpoch, s.lastRev, s.lastAt, s.till
    if kind == '1' then p.cutOff, p.except = s.cutOff, s.except end
  end
  entries[i] = string.format('%.0f-%.0f %.0f %.0f %s %.0f %d', entryEpoch, entryRev, at,
    p.cutOff, p.except == '' and '-' or p.except, p.till, fresh and 1 or 0)
end

if rev ~= before then call('HSET', meta, 'rev', rev, 'born', int(born)) end
local answer, generation = table.concat(entries, ';'), generations()
call('SET', memory, fingerprint .. ' ' .. epochText .. ' ' .. generation .. ' ' .. answer, 'PX', keepMs)
return { '0', epochText, generation, settled, terms, answer }
