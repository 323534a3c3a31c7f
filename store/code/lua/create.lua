-- create(slot, mac, kind, id, ttl, attempts, window, interval, sends)
-- → 1, when it expires; or 0, ms until the next may be made
--
-- A slot is a hash. Of the code: m its MAC, k its kind, i its id, x when it expires, z what
-- became of it. Of a claim: l whose, u until when, b for which step. Of the counts: n wrong
-- guesses since w; s when codes were made. a: the last call that changed something.
local at = now()
local key = prefix .. 'c:' .. ARGV[1]
local window = tonumber(ARGV[7])
local h = call('HMGET', key, 'i', 'x', 'n', 'w', 's')

-- The call is repeated: it was made.
if h[1] == ARGV[4] then return {1, h[2]} end

local guesses, since = tonumber(h[3] or '0'), tonumber(h[4] or '0')
if since + window <= at then guesses = 0 end
-- A code that must not be guessed at any more would be sent in vain.
if ARGV[3] == 'c' and guesses >= tonumber(ARGV[6]) then return {0, int(since + window - at)} end

local made = {}
for t in string.gmatch(h[5] or '', '%d+') do
  if tonumber(t) > at - window then made[#made + 1] = t end
end
local free = at
if #made > 0 then free = tonumber(made[#made]) + tonumber(ARGV[8]) end
if #made >= tonumber(ARGV[9]) then
  free = math.max(free, tonumber(made[#made - tonumber(ARGV[9]) + 1]) + window)
end
if free > at then return {0, int(free - at)} end

made[#made + 1] = int(at)
local expires = int(at + tonumber(ARGV[5]))
call('HDEL', key, 'l', 'u', 'b', 'z')
call('HSET', key, 'm', ARGV[2], 'k', ARGV[3], 'i', ARGV[4], 'x', expires, 's', table.concat(made, ' '))
call('PEXPIRE', key, ARGV[7])
return {1, expires}
