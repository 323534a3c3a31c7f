-- What the reset's scripts share. ARGV: the code's id, this try's, principal, issuer,
-- reason, initiator, a session that is spared or nothing, a hash of issuer and principal.
-- The reset is a hash: c, the cut-off, once the password was changed; before that tries,
-- the ids of those that may have changed it, and before, what last was.
local key = prefix .. 'p:' .. ARGV[1]
local last = prefix .. 'p:last:' .. ARGV[8] -- the id of the principal's latest change
local id = 'reset:' .. ARGV[1]
local at = now()
local lifetime = '90000000' -- 25 h

local function items(cutoff)
  return {{scope = 'principal', id = ARGV[3], issuer = ARGV[4], as_of = cutoff, except = ARGV[7], reason = ARGV[5], initiator = ARGV[6]}}
end

local function strike(try)
  call('HDEL', owed, id .. ':' .. try)
  call('ZREM', prefix .. 'due', id .. ':' .. try)
end

-- settled is whether the password was changed before; what is owed since is owed again, as
-- it was, for the sake of whoever waits for its confirmation.
local function settled()
  local cutoff = call('HGET', key, 'c')
  if cutoff then owe(id, items(cutoff), at) end
  return cutoff
end
