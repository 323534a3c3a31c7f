-- all(score, skip, limit) → hash, expiry and data of live sessions in the order of their
-- expiry: those from score on, but for the first skip of them
local t = now()
local from = math.max(tonumber(ARGV[1]), t + 1)
local page = { 'ok' }
local list = call('ZRANGEBYSCORE', everyone, int(from), '+inf', 'WITHSCORES', 'LIMIT',
  from == tonumber(ARGV[1]) and ARGV[2] or 0, ARGV[3])
for i = 1, #list, 2 do
  page[#page + 1] = { list[i], int(tonumber(list[i + 1])), call('HGET', recordOf(list[i]), 'b') or '' }
end
return page
