-- Every script of this store begins with this text, after what all account stores begin with. A
-- session is known by its token's hash. Its record is a hash. b is the data and v its version. c is
-- when the session began, and x when it ends. w is the mark of the call that wrote it. dead is the id
-- under which the end of a session that was deleted is owed.
local everyone = prefix .. 's:xs'
local function recordOf(hash) return prefix .. 's:x:' .. hash end

-- keep sets when a session ends. The index of all sessions lasts as long as the last of them.
local function keep(hash, ends)
  call('HSET', recordOf(hash), 'x', int(ends))
  call('PEXPIREAT', recordOf(hash), int(ends))
  call('ZADD', everyone, int(ends), hash)
  local _, last = unpack(call('ZREVRANGE', everyone, 0, 0, 'WITHSCORES'))
  call('PEXPIREAT', everyone, int(tonumber(last)))
end

-- still is the id if something is owed under it, and empty if the fleet was told.
local function still(id) return call('HEXISTS', owed, id) == 1 and id or '' end
