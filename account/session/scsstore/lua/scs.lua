-- Every script of this store starts with this, after what all account stores start with.
-- A session is known by its token's hash.
local everyone = prefix .. 's:xs'
local function recordOf(hash) return prefix .. 's:x:' .. hash end

-- keep sets when a session ends. The index of all lasts as long as the last of them.
local function keep(hash, x)
  call('HSET', recordOf(hash), 'x', int(x))
  call('PEXPIREAT', recordOf(hash), int(x))
  call('ZADD', everyone, int(x), hash)
  local last = call('ZREVRANGE', everyone, 0, 0, 'WITHSCORES')
  call('PEXPIREAT', everyone, int(tonumber(last[2])))
end

local function still(id) return call('HEXISTS', owed, id) == 1 and id or '' end
