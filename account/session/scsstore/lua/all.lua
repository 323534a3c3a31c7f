-- The answer is hash, expiry and data of live sessions, in the order of their expiry. It begins with
-- the sessions that expire at score, without the first skip of them.
local score, skip, limit = tonumber(ARGV[1]), ARGV[2], ARGV[3]

local t = now()
local from = math.max(score, t + 1)
local page = { 'ok' }
local list = call('ZRANGEBYSCORE', everyone, int(from), '+inf', 'WITHSCORES', 'LIMIT',
  from == score and skip or 0, limit)
for i = 1, #list, 2 do
  page[#page + 1] = { list[i], int(tonumber(list[i + 1])), call('HGET', recordOf(list[i]), 'b') or '' }
end
return page
