-- What the scripts of refresh tokens share. A family is the hash f:<id>; i:<who> is the
-- sorted set of a principal's families by when they are forgotten, p:<who> what its logins
-- have to respect. <who> is the principal's revocation key, so that no name is in a key.
--
-- Fields of a family, few since reading and writing them is what a rotation costs:
-- m what a rotation changes, u what it does not, b names and data (Go packs them), s session;
-- once ended: e why, g under which id that is owed to the fleet, w whose call ended it.
local base = prefix .. 'r:'
local at = now()

local function key(id) return base .. 'f:' .. id end

-- read returns a family, nil once it has expired: one that is over raises no alarm.
-- m: h hash of the latest token, x when it expires, y when the family is forgotten, z when it
-- ends, n number of the latest token, l when it was made, r what it was derived with, q hash
-- of the one before. u: keys of principal (k), tenant and client, when the login was, when
-- the family was started.
local function read(id)
  local v = call('HMGET', key(id), 'm', 'u', 'b', 'e')
  if not v[1] then return nil end
  local h, x, y, z, n, l, r, q = string.match(v[1], '^(%x+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S+) (%S+)$')
  if at >= tonumber(x) then return nil end
  return {
    id = id, m = v[1], u = v[2], b = v[3], e = v[4], k = string.sub(v[2], 1, 32),
    h = h, y = tonumber(y), z = tonumber(z), n = tonumber(n), l = l, r = r, q = q,
  }
end

-- reply is what every script answers: what came of it, two words more, and the family.
local function reply(status, first, second, f)
  if not f then return { status, '', '' } end
  return { status, first, second, f.id, f.m, f.u, f.b }
end

-- mismatch compares a family with the keys that the caller expects; empty expects nothing.
local function mismatch(f, principal, tenant, client)
  return principal ~= '' and principal ~= f.k or tenant ~= '' and tenant ~= string.sub(f.u, 34, 65)
    or client ~= '' and client ~= string.sub(f.u, 67, 98)
end

-- place says where a token stands that was made for this family: its number, its hash and
-- the caller's attempt. A token is known by number and hash together: after Redis was
-- rolled back a family can fork, and two tokens bear the same number.
-- seen: find saw it as good when it was presented. What came between is no second use of it,
-- and the grace counts up to then: 'late' is what has more than one successor by now.
local function place(f, number, hash, attempt, grace, seen)
  if f.e then return 'ended' end
  if number == f.n and hash == f.h then return 'current' end
  if number > f.n then return 'ahead' end
  if number == f.n - 1 and hash == f.q then
    -- Whoever asks again since the reply was lost gets it, even without any grace.
    if f.r == attempt then return 'again' end
    if grace > 0 and (seen or at - tonumber(f.l) < grace) then return 'again' end
  end
  return seen and grace > 0 and 'late' or 'reused'
end

-- still is the id under which the end of a family is owed, empty once the fleet was told.
local function still(f)
  local owing = call('HGET', key(f.id), 'g')
  if owing and owing ~= '' and call('HEXISTS', owed, owing) == 1 then return owing end
  return ''
end

local function finish(id, who, reason, owing, attempt)
  call('HSET', key(id), 'e', reason, 'g', owing, 'w', attempt)
  call('ZREM', base .. 'i:' .. who, id)
end

-- conclude ends a family with its session, and so every other family of that session, and
-- returns the id under which this is owed.
local function conclude(f, issuer, reason, initiator, attempt)
  local owing, session = 'family:' .. f.id, call('HGET', key(f.id), 's')
  for _, other in ipairs(call('ZRANGE', base .. 'i:' .. f.k, 0, -1)) do
    if other ~= f.id and call('HGET', key(other), 's') == session then finish(other, f.k, reason, owing, '') end
  end
  finish(f.id, f.k, reason, owing, attempt)
  owe(owing, { { scope = 'session', id = session, issuer = issuer, reason = reason, initiator = initiator } }, at)
  return owing
end
