-- A code is compared, counted and taken in one step. The answer is what is wrong, or empty; how many
-- guesses are left, or how long to wait, in ms; and the code's id. attempt is the call's own id.
-- limit is how many wrong guesses there may be in a window. step is what the code is claimed for, or
-- empty. leaseMs is for how long.
local slot, givenMAC, attempt, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local window, step, leaseMs = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])

-- create.lua says what the fields are.
local at = now()
local key = prefix .. 'c:' .. slot
local mac, expires, kind, id, wrong, wrongSince, last, claimedBy, claimedUntil, claimedFor, ended, callerExpires =
  unpack(call('HMGET', key, 'm', 'x', 'k', 'i', 'n', 'w', 'a', 'l', 'u', 'b', 'z', 'y'))

local guesses, since = tonumber(wrong or '0'), tonumber(wrongSince or '0')
if since + window <= at then guesses, since = 0, at end
if since > at + apart then since = at end -- a clock counted that was ahead
local function refuse(why)
  return { why, int(kind == 'c' and math.max(0, limit - guesses) or 0), '' }
end

-- A call is repeated when its reply was lost. What it did is not lost.
if last == attempt then
  if ended == 'used' then return { '', '0', id } end
  return refuse('wrong')
end
if not mac then return refuse(ended or 'unknown') end
-- Each clock is compared with itself, so that the two need not be in step. A clock that is set back
-- does not bring back a code that has expired.
if tonumber(expires) <= at or wall >= tonumber(callerExpires or expires) then return refuse('expired') end

if mac ~= givenMAC then
  if kind == 'c' then
    guesses = guesses + 1
    call('HSET', key, 'n', int(guesses), 'w', int(since), 'a', attempt)
    if guesses >= limit then
      call('HDEL', key, 'm', 'l', 'u', 'b')
      call('HSET', key, 'z', 'spent')
    end
    call('PEXPIRE', key, int(window)) -- the count is of use for so long
  end
  return refuse('wrong')
end

local held = tonumber(claimedUntil or '0') - at
if held > 600000 then held = 0 end -- longer than any lease: the clock was set back
if claimedFor and claimedFor ~= step then return refuse('bound') end
if held > 0 and claimedBy ~= attempt then return { 'claimed', int(held), '' } end

if step ~= '' then
  call('HSET', key, 'l', attempt, 'u', int(at + leaseMs), 'b', step)
else
  call('HDEL', key, 'm', 'n', 'w')
  call('HSET', key, 'z', 'used', 'a', attempt)
end
return { '', '0', id }
