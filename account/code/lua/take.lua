-- take(slot, mac, id of the call, attempts, window, step or '', lease)
-- → what is wrong or '', guesses left or ms, the code's id
--
-- One step compares, counts and takes. The fields are those of create.
local at = now()
local key = prefix .. 'c:' .. ARGV[1]
local window, limit = tonumber(ARGV[5]), tonumber(ARGV[4])
local h = call('HMGET', key, 'm', 'x', 'k', 'i', 'n', 'w', 'a', 'l', 'u', 'b', 'z', 'y')
local mac, id, last, ended = h[1], h[4], h[7], h[11]

local guesses, since = tonumber(h[5] or '0'), tonumber(h[6] or '0')
if since + window <= at then guesses, since = 0, at end
if since > at + apart then since = at end -- counted by a clock that was ahead
local function refuse(why)
  return {why, int(h[3] == 'c' and math.max(0, limit - guesses) or 0), ''}
end

-- The call is repeated: its reply was lost, and not what it did.
if last == ARGV[3] then
  if ended == 'used' then return {'', '0', id} end
  return refuse('wrong')
end
if not mac then return refuse(ended or 'unknown') end
-- Each clock is compared with itself, so that they need not be in step; one that is set back
-- makes nothing good again that has expired.
if tonumber(h[2]) <= at or wall >= tonumber(h[12] or h[2]) then return refuse('expired') end

if mac ~= ARGV[2] then
  if h[3] == 'c' then
    guesses = guesses + 1
    call('HSET', key, 'n', int(guesses), 'w', int(since), 'a', ARGV[3])
    if guesses >= limit then
      call('HDEL', key, 'm', 'l', 'u', 'b')
      call('HSET', key, 'z', 'spent')
    end
    call('PEXPIRE', key, ARGV[5]) -- so long the count is of use
  end
  return refuse('wrong')
end

local held = tonumber(h[9] or '0') - at
if held > 600000 then held = 0 end -- longer than any lease: the clock was set back
if h[10] and h[10] ~= ARGV[6] then return refuse('bound') end
if held > 0 and h[8] ~= ARGV[3] then return {'claimed', int(held), ''} end

if ARGV[6] ~= '' then
  call('HSET', key, 'l', ARGV[3], 'u', int(at + tonumber(ARGV[7])), 'b', ARGV[6])
else
  call('HDEL', key, 'm', 'n', 'w')
  call('HSET', key, 'z', 'used', 'a', ARGV[3])
end
return {'', '0', id}
