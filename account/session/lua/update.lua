-- update(sk, version, mark, most fields, most bytes, issuer, mode, [name, value]...) → the
-- session. Mode 'all' replaces the session's own data, 'one' sets what is given. Mark is
-- the writer's own, so that a writer whose reply was lost sees that it has been here.
--
-- A session that is gone stays gone: nothing is written but into a record that is there,
-- and what is written into one does not change when it expires.
local sk, mark = ARGV[1], ARGV[3]
local t = now()
local r, flat = live(sk, t)
if not r then return { 'none' } end
local id = 'changed:' .. sk .. ':' .. r.c .. ':'
if r.w == mark then
  id = id .. r.v
  return answer(call('HEXISTS', owed, id) == 1 and id or '', t, r, flat)
end
if ARGV[2] ~= '' and ARGV[2] ~= r.v then return { 'version' } end

local set, gone, count, bytes = {}, {}, 0, 0
for i = 8, #ARGV, 2 do set['=' .. ARGV[i]] = ARGV[i + 1] end
for name, value in pairs(set) do count, bytes = count + 1, bytes + #name - 1 + #value end
for i = 1, #flat, 2 do
  local name = flat[i]
  if string.sub(name, 1, 1) == '=' and not set[name] then
    if ARGV[7] == 'all' then
      gone[#gone + 1] = name
    else
      count, bytes = count + 1, bytes + #name - 1 + #flat[i + 1]
    end
  end
end
if count > tonumber(ARGV[4]) or bytes > tonumber(ARGV[5]) then return { 'large' } end

for _, name in ipairs(gone) do call('HDEL', recordOf(sk), name) end
for name, value in pairs(set) do call('HSET', recordOf(sk), name, value) end
local version = int(tonumber(r.v) + 1)
call('HSET', recordOf(sk), 'v', version, 'w', mark)
id = id .. version
owe(id, { { kind = 'invalidate', scope = 'session', id = r.i, issuer = ARGV[6] } }, t)
return answer(id, t, r, call('HGETALL', recordOf(sk)))
