-- A session is deleted. The answer is what is owed. nonce is the call's own.
--
-- What stays is a tombstone, until the session would have ended, and for an hour or longer. A request
-- that began before must not bring the session back when it commits.
local hash, sid, nonce, issuer = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local t = now()
local ends, created, dead = unpack(call('HMGET', recordOf(hash), 'x', 'c', 'dead'))
if dead and still(dead) ~= '' then return { 'ok', dead } end
local id = 'scs:' .. sid .. ':' .. (not dead and created or nonce)
call('DEL', recordOf(hash))
local stands = math.max(tonumber(ends or '0'), t + 3600000)
call('HSET', recordOf(hash), 'dead', id, 'x', int(stands))
call('PEXPIREAT', recordOf(hash), int(stands))
call('ZREM', everyone, hash)
owe(id, { { scope = 'session', id = sid, issuer = issuer, reason = 'session destroyed', initiator = 'user' } }, t)
return { 'ok', id }
