-- create(slot, mac, kind, id, ttl, attempts, window, interval, sends, who asks, whether
-- they are known, most sends to strangers)
-- → 1, when it expires; or 0, ms until the next may be made
--
-- A slot is a hash. Of the code: m its MAC, k its kind, i its id, x and y when it
-- expires, by Redis' clock and by the caller's, z what became of it. Of a claim: l whose, u until when, b for which step. Of the counts: n wrong
-- guesses since w; s when codes were made, each with
-- who asked for it, behind a comma, and a k if they were known. a: the last call that changed something.
local at = now()
local key = prefix .. 'c:' .. ARGV[1]
local window = tonumber(ARGV[7])
local h = call('HMGET', key, 'i', 'x', 'n', 'w', 's')

-- The call is repeated: it was made.
if h[1] == ARGV[4] then return {1, h[2]} end

local guesses, since = tonumber(h[3] or '0'), tonumber(h[4] or '0')
if since + window <= at then guesses = 0 end
if since > at + apart then -- counted by a clock that was ahead: it must not keep anybody out for as long
  since = at
  call('HSET', key, 'w', int(at))
end
-- A code that must not be guessed at any more would be sent in vain.
if ARGV[3] == 'c' and guesses >= tonumber(ARGV[6]) then return {0, int(since + window - at)} end

-- Who asks is held to what they have asked for themselves, and strangers to what all of them have
-- together besides: nobody can use up what is another's.
local asks, known = ARGV[10], ARGV[11] == '1'
local made, own, strangers = {}, {}, {}
for t, who, k in string.gmatch(h[5] or '', '(%d+),?([%w_-]*),?(k?)') do
  if tonumber(t) > at - window and tonumber(t) <= at + apart then
    made[#made + 1] = t .. ',' .. who .. ',' .. k
    if who == asks then own[#own + 1] = tonumber(t) end
    if k == '' then strangers[#strangers + 1] = tonumber(t) end
  end
end
local free = at
local function most(times, n)
  if #times >= n then free = math.max(free, times[#times - n + 1] + window) end
end
if #own > 0 then free = own[#own] + tonumber(ARGV[8]) end
most(own, tonumber(ARGV[9]))
if not known then most(strangers, tonumber(ARGV[12])) end
if free > at then return {0, int(free - at)} end

made[#made + 1] = int(at) .. ',' .. asks .. ',' .. (known and 'k' or '')
local expires = int(at + tonumber(ARGV[5]))
call('HDEL', key, 'l', 'u', 'b', 'z')
call('HSET', key, 'm', ARGV[2], 'k', ARGV[3], 'i', ARGV[4], 'x', expires, 'y', int(wall + tonumber(ARGV[5])), 's', table.concat(made, ' '))
call('PEXPIRE', key, ARGV[7])
return {1, expires}
