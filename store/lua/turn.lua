-- ARGV: 1 task, 2 holder, 3 for how long (ms). A turn that ends later than any that is
-- taken now was taken while the clock was ahead: it is over, or nobody would do the task
-- until the clock is there again.
local key = prefix .. 'turn:' .. ARGV[1]
local t, lasts = now(), tonumber(ARGV[3])
local till, holder = string.match(call('GET', key) or '', '^(%d+) (.*)$')
if till then
  local left = tonumber(till) - t
  if left > 0 and left <= math.max(4 * lasts, 60000) and holder ~= ARGV[2] then return 0 end
end
call('SET', key, int(t + lasts) .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
