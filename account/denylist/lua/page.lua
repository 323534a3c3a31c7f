-- The answer is a member and the details of each entry after a member, in the order in which they
-- end, up to a limit of entries.
local after, limit = ARGV[1], tonumber(ARGV[2])

local from = '[' .. pad(sure())
if after > pad(sure()) then from = '(' .. after end
local page = {}
for _, member in ipairs(call('ZRANGEBYLEX', ends, from, '+', 'LIMIT', 0, limit)) do
  page[#page + 1] = member
  page[#page + 1] = call('HGET', details, nameOf(member)) or ''
end
return page
