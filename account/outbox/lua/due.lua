-- The answer is the ids that are due by either clock, the oldest first, up to a limit. Nobody else
-- gets them for the next againMs.
local limit, againMs = tonumber(ARGV[1]), tonumber(ARGV[2])

local at = perhaps()
local ids = call('ZRANGEBYSCORE', prefix .. 'due', '-inf', int(at), 'LIMIT', 0, limit)
for _, id in ipairs(ids) do call('ZADD', prefix .. 'due', int(at + againMs), id) end
return ids
