-- A code is made in a slot. The answer is 1 and when the code expires, or 0 and the ms until the next
-- may be made. kind is 'c' for a code that is typed. ttl, window and interval are in ms. attempts is
-- how many wrong guesses there may be in a window. sends is how many codes one asker may have made in
-- it, and strangerSends is how many all askers may who are not known. asker says who asks.
local slot, mac, kind, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local ttl, attempts, window, interval = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local sends, asker, known, strangerSends = tonumber(ARGV[9]), ARGV[10], ARGV[11] == '1', tonumber(ARGV[12])

-- A slot is a hash. Of the code it has the MAC (m), the kind (k), the id (i), when it expires by
-- Redis' clock (x) and by the caller's (y), and what became of it (z). Of a claim it has whose it is
-- (l), until when (u), and for which step (b). It has how many wrong guesses there were (n) since w.
-- s has when codes were made. Each time is followed by who asked, behind a comma, and by a k if they
-- were known. a is the last call that changed something.
local at = now()
local key = prefix .. 'c:' .. slot
local lastID, lastExpires, wrong, wrongSince, allMade = unpack(call('HMGET', key, 'i', 'x', 'n', 'w', 's'))

if lastID == id then return { 1, lastExpires } end -- the call is repeated: the code was made

local guesses, since = tonumber(wrong or '0'), tonumber(wrongSince or '0')
if since + window <= at then guesses = 0 end
if since > at + apart then -- a clock counted that was ahead: it must not keep anybody out until then
  since = at
  call('HSET', key, 'w', int(at))
end
-- A code would be sent in vain if it must not be guessed at any more.
if kind == 'c' and guesses >= attempts then return { 0, int(since + window - at) } end

-- An asker is held to what that asker has asked for. A stranger is also held to what all strangers
-- have together. So nobody can use up what another has.
local made, own, strangers = {}, {}, {}
for text, who, k in string.gmatch(allMade or '', '(%d+),?([%w_-]*),?(k?)') do
  local t = tonumber(text)
  if t > at - window and t <= at + apart then
    made[#made + 1] = text .. ',' .. who .. ',' .. k
    if who == asker then own[#own + 1] = t end
    if k == '' then strangers[#strangers + 1] = t end
  end
end
local free = at
local function atMost(times, n)
  if #times >= n then free = math.max(free, times[#times - n + 1] + window) end
end
if #own > 0 then free = own[#own] + interval end
atMost(own, sends)
if not known then atMost(strangers, strangerSends) end
if free > at then return { 0, int(free - at) } end

made[#made + 1] = int(at) .. ',' .. asker .. ',' .. (known and 'k' or '')
local expires = int(at + ttl)
call('HDEL', key, 'l', 'u', 'b', 'z')
call('HSET', key, 'm', mac, 'k', kind, 'i', id, 'x', expires, 'y', int(wall + ttl), 's', table.concat(made, ' '))
call('PEXPIRE', key, int(window))
return { 1, expires }
