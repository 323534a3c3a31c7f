-- What the scripts of refresh tokens share. A family is the hash f:<id>. The sorted set i:<who> has
-- the families of a principal, by when they are forgotten. The hash p:<who> has what the principal's
-- logins have to respect. <who> is the principal's revocation key, so that no name is in a key.
--
-- A family has few fields, because reading and writing them is what a rotation costs. The field m is
-- what a rotation changes, and u is what it does not. b has names and data, as Go packs them. s is
-- the session. A family that has ended has three more. e is why. g is the id under which the end is
-- owed to the fleet. w is the attempt that ended it.
local base = prefix .. 'r:'
local at = now()

local function key(id) return base .. 'f:' .. id end

-- The keys of principal, tenant and client stand at fixed places in u, 32 characters each.
local function principalOf(fixed) return string.sub(fixed, 1, 32) end
local function tenantOf(fixed) return string.sub(fixed, 34, 65) end
local function clientOf(fixed) return string.sub(fixed, 67, 98) end
local function withTenant(fixed, tenant) return string.sub(fixed, 1, 33) .. tenant .. string.sub(fixed, 66) end

-- moving puts together the field m. Of the latest token it has the hash, when it expires, the number,
-- when it was made, and the attempt that it was derived with. Of the family it has when it is
-- forgotten, and when it ends. previous is the hash of the token before the latest.
local function moving(hash, expires, forgotten, ends, number, made, attempt, previous)
  return string.format('%s %.0f %.0f %.0f %.0f %.0f %s %s',
    hash, expires, forgotten, ends, number, made, attempt, previous)
end

-- read returns a family. It is nil once the family has expired: a family that is over raises no alarm.
-- The field u has the three keys, when the login was, and when the family was started.
local function read(id)
  local m, u, b, why = unpack(call('HMGET', key(id), 'm', 'u', 'b', 'e'))
  if not m then return nil end
  local hash, expires, forgotten, ends, number, made, attempt, previous =
    string.match(m, '^(%x+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S+) (%S+)$')
  if at >= tonumber(expires) then return nil end
  return {
    id = id, moving = m, fixed = u, body = b, why = why, who = principalOf(u),
    hash = hash, forgotten = tonumber(forgotten), ends = tonumber(ends), number = tonumber(number),
    made = made, attempt = attempt, previous = previous,
  }
end

-- reply is what every script answers: what came of it, two more words, and the family.
local function reply(status, first, second, f)
  if not f then return { status, '', '' } end
  return { status, first, second, f.id, f.moving, f.fixed, f.body }
end

-- mismatch compares a family with the keys that the caller expects. An empty key expects nothing.
local function mismatch(f, principal, tenant, client)
  return principal ~= '' and principal ~= f.who or tenant ~= '' and tenant ~= tenantOf(f.fixed)
    or client ~= '' and client ~= clientOf(f.fixed)
end

-- place says where a token of this family stands. A token is known by its number and its hash
-- together. After Redis was rolled back a family can fork, and two tokens have the same number.
--
-- graceMs is for how long a token that was used may be used again. seen: find saw the token as good
-- when it was presented. What happened to it after that is no second use of it, and the grace counts
-- up to then. Such a token is 'late' if it has more than one successor by now.
local function place(f, number, hash, attempt, graceMs, seen)
  if f.why then return 'ended' end
  if number == f.number and hash == f.hash then return 'current' end
  if number > f.number then return 'ahead' end
  if number == f.number - 1 and hash == f.previous then
    -- A caller that asks again because the reply was lost gets it, even without any grace.
    if f.attempt == attempt then return 'again' end
    if graceMs > 0 and (seen or at - tonumber(f.made) < graceMs) then return 'again' end
  end
  return seen and graceMs > 0 and 'late' or 'reused'
end

-- still is the id under which the end of a family is owed. It is empty once the fleet was told.
local function still(f)
  local owing = call('HGET', key(f.id), 'g')
  if owing and owing ~= '' and call('HEXISTS', owed, owing) == 1 then return owing end
  return ''
end

-- finish ends a family alone.
local function finish(id, who, reason, owing, attempt)
  call('HSET', key(id), 'e', reason, 'g', owing, 'w', attempt)
  call('ZREM', base .. 'i:' .. who, id)
end

-- conclude ends a family with its session, and so all other families of that session. It returns the
-- id under which this is owed.
local function conclude(f, issuer, reason, initiator, attempt)
  local owing, session = 'family:' .. f.id, call('HGET', key(f.id), 's')
  for _, other in ipairs(call('ZRANGE', base .. 'i:' .. f.who, 0, -1)) do
    if other ~= f.id and call('HGET', key(other), 's') == session then finish(other, f.who, reason, owing, '') end
  end
  finish(f.id, f.who, reason, owing, attempt)
  owe(owing, { { scope = 'session', id = session, issuer = issuer, reason = reason, initiator = initiator } }, at)
  return owing
end
