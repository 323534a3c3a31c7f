-- What the scripts of the reset share, and the arguments with which all of them begin. codeID is the
-- id of the code. try is the id of this attempt at changing the password. spared is a session, or
-- empty. whose is a hash of issuer and principal.
local codeID, try, principal, issuer = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local reason, initiator, spared, whose = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

-- The reset is a hash. Once the password was changed, its field c has the cut-off. Before that, tries
-- has the ids of the tries that may have changed it, and before has the id of the change before.
local key = prefix .. 'p:' .. codeID
local last = prefix .. 'p:last:' .. whose -- the id of the principal's latest change
local id = 'reset:' .. codeID
local at = now()
local lifetime = '90000000' -- 25 h

local function items(cut)
  return { {
    scope = 'principal', id = principal, issuer = issuer, as_of = cut, except = spared,
    reason = reason, initiator = initiator,
  } }
end

local function strike(of)
  call('HDEL', owed, id .. ':' .. of)
  call('ZREM', prefix .. 'due', id .. ':' .. of)
end

-- settled returns the cut-off if the password was changed before. What is owed since then is owed
-- again, as it was. So a caller that waits for its confirmation can go on.
local function settled()
  local cut = call('HGET', key, 'c')
  if cut then owe(id, items(cut), at) end
  return cut
end
