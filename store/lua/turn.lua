-- A holder takes the turn at a task, for lastsMs. A turn may end later than any that is taken now.
-- Such a turn was taken while the clock was ahead, and it is over. Otherwise nobody would do the
-- task until the clock is there again.
local task, claimant, lastsText = ARGV[1], ARGV[2], ARGV[3]

local key = prefix .. 'turn:' .. task
local t, lastsMs = now(), tonumber(lastsText)
local till, holder = string.match(call('GET', key) or '', '^(%d+) (.*)$')
if till then
  local left = tonumber(till) - t
  if left > 0 and left <= math.max(4 * lastsMs, 60000) and holder ~= claimant then return 0 end
end
call('SET', key, int(t + lastsMs) .. ' ' .. claimant, 'PX', lastsText)
return 1
