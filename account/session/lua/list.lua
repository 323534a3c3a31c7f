-- The answer is the live sessions of a principal. Members of the index go whose record is gone.
local pk = ARGV[1]

local t = now()
prune(pk, t)
local all = { 'ok' }
for _, sk in ipairs(call('ZRANGE', indexOf(pk), 0, -1)) do
  local fields = call('HMGET', recordOf(sk), 'i', 'p', 't', 'd', 'a', 'u', 'h', 'c', 'o', 'e', 'x', 'l', 'v')
  local sid, ends = fields[1], fields[11]
  if not sid then
    call('ZREM', indexOf(pk), sk)
  elseif tonumber(ends) > t then
    all[#all + 1] = fields
  end
end
return all
