-- This try has changed nothing. If no earlier try may have changed something, nothing has begun.
strike(try)
if call('HEXISTS', key, 'c') == 1 then return 1 end
local rest = ''
for earlier in string.gmatch(call('HGET', key, 'tries') or '', '%S+') do
  if earlier ~= try then rest = rest .. earlier .. ' ' end
end
if rest ~= '' then
  call('HSET', key, 'tries', rest)
  return 1
end
if call('GET', last) == codeID then
  local before = call('HGET', key, 'before')
  if before then call('SET', last, before, 'PX', lifetime) else call('DEL', last) end
end
call('DEL', key)
return 1
