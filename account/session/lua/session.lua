-- Every script of this store begins with this text, after what all account stores begin with.
--
-- A session is known here by sk, the key of its sid, and its principal by pk. Both are hashes, so
-- that names are safe in keys. A caller may give a script a principal's pk, and the script finds
-- sessions by it. Both come from the same two functions in Go.
local function recordOf(sk) return prefix .. 's:r:' .. sk end
local function tokenOf(hash) return prefix .. 's:t:' .. hash end
local function indexOf(pk) return prefix .. 's:p:' .. pk end
local function cutOf(pk) return prefix .. 's:c:' .. pk end
local function graveOf(sk) return prefix .. 's:e:' .. sk end

-- A record is a hash. i is the sid, p the principal, t the tenant, d the device, a the address and u
-- the user agent. k is pk, and h is the hash of the token. c is when the session began, o when the
-- user was authenticated, l the last access, x when the session ends if it is not used, and e when it
-- ends at the latest. v is the version of its own data, and w is the mark of the call that wrote it.
-- The data has names that begin with an equals sign.

-- live returns a session's fields by name, and as Redis has them. It returns nil if the session is
-- not there, or if its time is up, whether or not Redis has noticed.
local function live(sk, t)
  local flat = call('HGETALL', recordOf(sk))
  if #flat == 0 then return nil end
  local record = {}
  for i = 1, #flat, 2 do record[flat[i]] = flat[i + 1] end
  if tonumber(record.x) <= t then return nil end
  return record, flat
end

-- bearer returns the session of a token's hash.
local function bearer(hash, t)
  local sk = call('GET', tokenOf(hash))
  if not sk then return nil end
  local record, flat = live(sk, t)
  if not record or record.h ~= hash then return nil end
  return sk, record, flat
end

-- keep sets when a session ends: in its record, its token and its principal's index. The index lasts
-- as long as the last of its members.
local function keep(sk, record, ends)
  record.x = int(ends)
  call('HSET', recordOf(sk), 'x', record.x)
  call('PEXPIREAT', recordOf(sk), record.x)
  call('PEXPIREAT', tokenOf(record.h), record.x)
  call('ZADD', indexOf(record.k), record.x, sk)
  local _, last = unpack(call('ZREVRANGE', indexOf(record.k), 0, 0, 'WITHSCORES'))
  call('PEXPIREAT', indexOf(record.k), int(tonumber(last)))
end

-- used notes an access. The session's idle time starts again, and the session never ends sooner for
-- it.
local function used(sk, record, t, idle)
  record.l = int(t)
  call('HSET', recordOf(sk), 'l', record.l)
  local ends = math.min(t + idle, tonumber(record.e))
  if ends > tonumber(record.x) then keep(sk, record, ends) end
end

-- prune takes the dead out of a principal's index.
local function prune(pk, t) call('ZREMRANGEBYSCORE', indexOf(pk), '-inf', int(t)) end

-- answer is a session as the caller gets it: what is owed, the time, what a script may have changed
-- since flat was read, and flat.
local function answer(id, t, record, flat) return { 'ok', id, int(t), record.x, record.l, record.h, flat } end

-- still is the id if something is owed under it, and empty if the fleet was told.
local function still(id) return call('HEXISTS', owed, id) == 1 and id or '' end
