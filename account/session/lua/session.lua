-- Every script of this store starts with this, after what all account stores start with.
--
-- A session is known here by sk, the key of its sid, and its principal by pk: hashes, so
-- that names are safe in keys. Where a script is given a principal's pk by the caller and
-- finds sessions by it, both come from the same two functions in Go.
local function recordOf(sk) return prefix .. 's:r:' .. sk end
local function tokenOf(h) return prefix .. 's:t:' .. h end
local function indexOf(pk) return prefix .. 's:p:' .. pk end
local function cutOf(pk) return prefix .. 's:c:' .. pk end
local function graveOf(sk) return prefix .. 's:e:' .. sk end

-- live returns a session's fields by name, and as Redis has them; nil if it is not there
-- or its time is up, whether or not Redis has noticed.
local function live(sk, t)
  local flat = call('HGETALL', recordOf(sk))
  if #flat == 0 then return nil end
  local r = {}
  for i = 1, #flat, 2 do r[flat[i]] = flat[i + 1] end
  if tonumber(r.x) <= t then return nil end
  return r, flat
end

-- bearer returns the session of a token's hash.
local function bearer(h, t)
  local sk = call('GET', tokenOf(h))
  if not sk then return nil end
  local r, flat = live(sk, t)
  if not r or r.h ~= h then return nil end
  return sk, r, flat
end

-- keep sets when a session ends: in its record, its token and its principal's index, which
-- lasts as long as the last of its members.
local function keep(sk, r, x)
  r.x = int(x)
  call('HSET', recordOf(sk), 'x', r.x)
  call('PEXPIREAT', recordOf(sk), r.x)
  call('PEXPIREAT', tokenOf(r.h), r.x)
  call('ZADD', indexOf(r.k), r.x, sk)
  local last = call('ZREVRANGE', indexOf(r.k), 0, 0, 'WITHSCORES')
  call('PEXPIREAT', indexOf(r.k), int(tonumber(last[2])))
end

-- used notes an access: the session's idle time starts anew. It never ends sooner for it.
local function used(sk, r, t, idle)
  r.l = int(t)
  call('HSET', recordOf(sk), 'l', r.l)
  local x = math.min(t + idle, tonumber(r.e))
  if x > tonumber(r.x) then keep(sk, r, x) end
end

-- prune takes the dead out of a principal's index.
local function prune(pk, t) call('ZREMRANGEBYSCORE', indexOf(pk), '-inf', int(t)) end

-- answer is a session as the caller gets it: what is owed, the time, what a script may
-- have changed since flat was read, and flat.
local function answer(id, t, r, flat) return { 'ok', id, int(t), r.x, r.l, r.h, flat } end
