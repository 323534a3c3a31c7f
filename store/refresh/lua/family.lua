-- What the scripts of refresh tokens share. A family is the hash f:<id>; i:<who> is the
-- sorted set of a principal's families by when they expire, p:<who> what its logins have to
-- respect. <who> is the principal's revocation key, so that no name is in a key.
--
-- Fields of a family: p principal, s session, t tenant, c client, o scope, d data;
-- a auth_time, i issued, l last rotated, x expires unless rotated before, z ends (ms);
-- n number of the latest token, h its hash, q the hash of the one before, r what the latest
-- was derived with; k <who>; and once ended: e why, g under which id that is owed to the
-- fleet, w whose call ended it.
local base = prefix .. 'r:'
local at = now()
local names = { 'p', 's', 't', 'c', 'o', 'd', 'a', 'i', 'l', 'x', 'z', 'n', 'h', 'q', 'r', 'k', 'e', 'g', 'w' }
local shown = 12 -- so many of them are the caller's to see

local function key(id) return base .. 'f:' .. id end

-- read returns a family, nil once it has expired: a family that is over raises no alarm.
local function read(id)
  local f, values = { id = id }, call('HMGET', key(id), unpack(names))
  for i, name in ipairs(names) do f[name] = values[i] end
  if not f.n or at >= tonumber(f.x) then return nil end
  return f
end

-- reply is what every script answers: what came of it, two words more, and the family.
local function reply(status, first, second, f)
  local out = { status, first or '', second or '' }
  if f then
    out[4] = f.id
    for i = 1, shown do out[4 + i] = f[names[i]] end
  end
  return out
end

-- mismatch compares a family with what the caller expects; an empty word expects nothing.
local function mismatch(f, principal, tenant, client)
  return principal ~= '' and principal ~= f.p or tenant ~= '' and tenant ~= f.t or client ~= '' and client ~= f.c
end

-- place says where a token stands that was made for this family: its number, its hash and
-- the caller's attempt. A token is known by number and hash together: after Redis was
-- rolled back a family can fork, and two tokens bear the same number.
local function place(f, number, hash, attempt, grace)
  if f.e then return 'ended' end
  local n = tonumber(f.n)
  if number == n and hash == f.h then return 'current' end
  if number > n then return 'ahead' end
  if number == n - 1 and hash == f.q then
    -- Whoever asks again since the reply was lost gets it, even without any grace.
    if f.r == attempt then return 'again' end
    if grace > 0 and at - tonumber(f.l) < grace then return 'again' end
  end
  return 'reused'
end

-- still is the id under which the end of a family is owed, empty once the fleet was told.
local function still(f)
  if f.g and f.g ~= '' and call('HEXISTS', owed, f.g) == 1 then return f.g end
  return ''
end

local function finish(id, who, reason, owing, attempt)
  call('HSET', key(id), 'e', reason, 'g', owing, 'w', attempt)
  call('ZREM', base .. 'i:' .. who, id)
end

-- conclude ends a family with its session, and so every other family of that session, and
-- returns the id under which this is owed.
local function conclude(f, issuer, reason, initiator, attempt)
  local owing = 'family:' .. f.id
  for _, other in ipairs(call('ZRANGE', base .. 'i:' .. f.k, 0, -1)) do
    if other ~= f.id and call('HGET', key(other), 's') == f.s then finish(other, f.k, reason, owing, '') end
  end
  finish(f.id, f.k, reason, owing, attempt)
  owe(owing, { { scope = 'session', id = f.s, issuer = issuer, reason = reason, initiator = initiator } }, at)
  return owing
end

-- prune takes what has expired out of a principal's index, a bounded part at a time: each
-- login adds one and may take out a hundred.
local function prune(who)
  local dead = call('ZRANGEBYSCORE', base .. 'i:' .. who, '-inf', int(at), 'LIMIT', 0, 100)
  if #dead > 0 then call('ZREM', base .. 'i:' .. who, unpack(dead)) end
end

-- outlast makes a key live at least until t.
local function outlast(name, t)
  if call('PTTL', name) < t - at then call('PEXPIREAT', name, int(t)) end
end
