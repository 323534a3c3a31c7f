-- due(limit, again) → the ids that are due by either clock, oldest first; nobody else gets
-- them for the next `again` milliseconds
local at = perhaps()
local ids = call('ZRANGEBYSCORE', prefix .. 'due', '-inf', int(at), 'LIMIT', 0, tonumber(ARGV[1]))
for _, id in ipairs(ids) do call('ZADD', prefix .. 'due', int(at + tonumber(ARGV[2])), id) end
return ids
