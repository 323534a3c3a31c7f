-- list(pk) → the principal's live sessions. Members whose record is gone go as well.
local pk = ARGV[1]
local t = now()
prune(pk, t)
local all = { 'ok' }
for _, sk in ipairs(call('ZRANGE', indexOf(pk), 0, -1)) do
  local v = call('HMGET', recordOf(sk), 'i', 'p', 't', 'd', 'a', 'u', 'h', 'c', 'o', 'e', 'x', 'l', 'v')
  if not v[1] then
    call('ZREM', indexOf(pk), sk)
  elseif tonumber(v[11]) > t then
    all[#all + 1] = v
  end
end
return all
