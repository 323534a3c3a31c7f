-- abort(…): this try has changed nothing. Earlier ones may have; else nothing has begun.
strike(ARGV[2])
if call('HEXISTS', key, 'c') == 1 then return 1 end
local rest = ''
for try in string.gmatch(call('HGET', key, 'tries') or '', '%S+') do
  if try ~= ARGV[2] then rest = rest .. try .. ' ' end
end
if rest ~= '' then
  call('HSET', key, 'tries', rest)
  return 1
end
if call('GET', last) == ARGV[1] then
  local before = call('HGET', key, 'before')
  if before then call('SET', last, before, 'PX', lifetime) else call('DEL', last) end
end
call('DEL', key)
return 1
