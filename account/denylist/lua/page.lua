-- page(after, limit) → member, details, … in the order in which they end
local from = '[' .. pad(sure())
if ARGV[1] > pad(sure()) then from = '(' .. ARGV[1] end
local page = {}
for _, member in ipairs(call('ZRANGEBYLEX', z, from, '+', 'LIMIT', 0, tonumber(ARGV[2]))) do
  page[#page + 1] = member
  page[#page + 1] = call('HGET', h, string.sub(member, 18)) or ''
end
return page
