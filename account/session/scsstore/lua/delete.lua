-- delete(hash, sid, nonce, issuer) → what is owed
--
-- What stays is a tombstone, until the session would have ended and an hour at least, so
-- that a request which began before does not bring the session back when it commits.
local hash = ARGV[1]
local t = now()
local v = call('HMGET', recordOf(hash), 'x', 'c', 'dead')
if v[3] and still(v[3]) ~= '' then return { 'ok', v[3] } end
local id = 'scs:' .. ARGV[2] .. ':' .. (not v[3] and v[2] or ARGV[3])
call('DEL', recordOf(hash))
local x = math.max(tonumber(v[1] or '0'), t + 3600000)
call('HSET', recordOf(hash), 'dead', id, 'x', int(x))
call('PEXPIREAT', recordOf(hash), int(x))
call('ZREM', everyone, hash)
owe(id, { { scope = 'session', id = ARGV[2], issuer = ARGV[4], reason = 'session destroyed', initiator = 'user' } }, t)
return { 'ok', id }
