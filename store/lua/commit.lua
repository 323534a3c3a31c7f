-- Commits of several callers share one run, one after the other. Each writes all of its proposals
-- or none, whatever becomes of the others. inStep is how far apart two clocks may be that are in step.
-- All times are in ms.
--
-- For each commit follow: digest, fingerprint, keepMs, names and the number of its proposals, and the
-- proposals. names is how many name secrets the keys in them are made with. The answer is kept under the digest of the call's idempotency key, for keepMs. The
-- fingerprint tells whether a later call with this key proposes the same.
local leeway, margin, inStep = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local HEADER, CALL, EACH = 3, 5, 17 -- how many arguments come first, before proposals, and for one proposal

-- A proposal is made at the time of this server's clock, unless that is out of step with what the
-- publisher reckons. Then this clock has jumped, and must not write cut-offs; or it is right again, and the publisher
-- has not seen that yet. So an end is past only if it is by both.
local clock = now()
local function timeOf(reckoned)
  if reckoned > 0 and math.abs(reckoned - clock) > inStep then return reckoned end
  return clock
end

local LATEST = 253402300799000 -- the last second that RFC 3339 can write

-- refuse ends the look at a commit's proposals.
local function refuse(i, count, text)
  if count > 1 then text = 'proposal ' .. i .. ': ' .. text end
  return nil, 'RVINVALID ' .. text
end

-- states are those that this run has loaded. A later proposal finds what an earlier one made of them.
local states = {}
local function loaded(hex)
  local s = states[hex]
  if not s then
    s = load(prefix .. 's:' .. hex)
    states[hex] = s
  end
  return s
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

-- look reads the proposals of a commit, which follow the argument at first. All of them are looked at,
-- and what stands against their keys is loaded, before the first one is written. It returns nil and why
-- if one is refused.
local function look(first, count)
  local proposals = {}
  for i = 1, count do
    local a = first + (i - 1) * EACH
    -- oldEpoch and oldRev are the position that the proposal had when it was committed before. They
    -- are 0 if it was not. issuer is a digest. reckoned is the time as the publisher reckons it, or 0.
    local kind, scope, hex, cutOff, except, till, from, reason, initiator, oldEpoch, oldRev,
      issuer, fleetAhead, seenLead, seenClock, reckoned, name = unpack(ARGV, a + 1, a + EACH)
    local t = timeOf(tonumber(reckoned))
    local p = {
      kind = kind, scope = scope, hex = hex, cutOff = tonumber(cutOff), except = except, floor = 0,
      till = tonumber(till), from = tonumber(from), reason = reason, initiator = initiator,
      oldEpoch = tonumber(oldEpoch), oldRev = tonumber(oldRev), at = t, name = name,
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
        return refuse(i, count, 'a token or session is dead outright and takes no cut-off')
      end
      if p.cutOff ~= FOREVER and p.cutOff > t + skew then
        return refuse(i, count, 'the cut-off is ' .. int(p.cutOff - t) .. ' ms in the future by the ledger\'s clock')
      end
      -- Until is when the last token that is covered expires. A verifier forgives the leeway beyond
      -- that. So the leeway is added, even to an until that the caller named. A caller knows when one
      -- token expires, but not what else a session or a cut-off covers. There the until that the
      -- caller names never shortens what follows from the longest lifetime.
      local longest = math.ceil((lifetimes[tonumber(scope)] or 0) / 1000000)
      if p.till == 0 then
        if longest == 0 then
          return refuse(i, count, 'the ledger\'s terms know no longest lifetime for this scope: say until when')
        end
        p.till = t + longest
      elseif p.till + leeway + margin <= math.min(t, clock) then
        return refuse(i, count, 'until is in the past by the ledger\'s clock')
      elseif scope ~= '1' and longest > 0 then
        p.till = math.max(p.till, (p.cutOff == FOREVER and t or p.cutOff) + longest)
      end
      p.enough = math.max(p.till, math.min(p.till + leeway, LATEST))
      p.till = math.max(p.till, math.min(p.enough + margin, LATEST))
      if p.except == '' then p.floor = p.cutOff end
    elseif kind == '2' then
      if p.till <= math.min(t, clock) then return refuse(i, count, 'the ban\'s end is in the past by the ledger\'s clock') end
      if p.from >= p.till then return refuse(i, count, 'the ban ends before it starts') end
    end
    if kind ~= '4' then loaded(hex) end
    proposals[i] = p
  end
  return proposals
end

-- inDoubt reports whether a part of a state may be missing in the stream. What it covers becomes durable only when
-- it is logged again. A later change of a state says nothing about its other parts, so its number counts, too.
local doubt, doubtBorn = tonumber(doubtText) or 0, nil
local function inDoubt(s)
  if s.lastEpoch == 0 or doubt == 0 then return false end
  if not doubtBorn then doubtBorn = tonumber(call('HGET', meta, 'doubt_born') or '0') end
  return s.lastEpoch <= doubt or s.number > 0 and s.number <= doubtBorn
end

-- write writes the proposals of a commit, and returns what it answers: one entry for each.
local function write(proposals)
  local entries = {}
  for i, p in ipairs(proposals) do
    local kind = p.kind
    local s, fresh = nil, true
    if kind ~= '4' then s = loaded(p.hex) end

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
        save(prefix .. 's:' .. p.hex, p.scope, s, p.name)
      end
      log(rev, kind, p.scope, p.hex, namesText, p.name, at, p.cutOff, p.except, p.till, p.from, p.reason, p.initiator)
    elseif s.lastEpoch > 0 then
      entryEpoch, entryRev, at, p.till = s.lastEpoch, s.lastRev, s.lastAt, s.till
      if kind == '1' then p.cutOff, p.except = s.cutOff, s.except end
    end
    entries[i] = string.format('%.0f-%.0f %.0f %.0f %s %.0f %d', entryEpoch, entryRev, at,
      p.cutOff, p.except == '' and '-' or p.except, p.till, fresh and 1 or 0)
  end

  return table.concat(entries, ';')
end

-- Every answer of this run has the membership as it is now. Nobody joins or goes meanwhile.
local generation = generations()

-- commit does one commit, and returns four words: '0', or '1' if its key was used before; the epoch; the
-- generation; and the answer. Or the first is 'no', and the last says why.
local function commit(digest, fingerprint, keepMs, names, first, count)
  if names ~= namesText then return 'no', '', '', OTHER_NAMES end
  local memory = prefix .. 'i:' .. digest
  local known = redis.pcall('GET', memory)
  if type(known) == 'table' then return 'no', '', '', known.err end
  if known then
    local knownFingerprint, knownEpoch, knownGeneration, knownAnswer = string.match(known, '^(%x+) (%d+) (%S+) (.*)$')
    if knownFingerprint ~= fingerprint then
      return 'no', '', '', 'RVCONFLICT the idempotency key was used before for other proposals'
    end
    return '1', knownEpoch, knownGeneration, knownAnswer
  end
  -- Redis refuses to load a key of another type. That concerns this caller alone.
  local fine, proposals, refusal = pcall(look, first, count)
  if not fine then
    if type(proposals) == 'table' then proposals = proposals.err end
    return 'no', '', '', tostring(proposals)
  end
  if not proposals then return 'no', '', '', refusal end
  local answer = write(proposals)
  call('SET', memory, fingerprint .. ' ' .. epochText .. ' ' .. generation .. ' ' .. answer, 'PX', keepMs)
  return '0', epochText, generation, answer
end

local before, out = rev, { settled, terms }
local at = HEADER
while at < #ARGV do
  local digest, fingerprint, keepMs, names, count = unpack(ARGV, at + 1, at + CALL)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4] = commit(digest, fingerprint, keepMs, names, at + CALL,
    tonumber(count))
  at = at + CALL + tonumber(count) * EACH
end
if rev ~= before then call('HSET', meta, 'rev', rev, 'born', int(born)) end
return out
