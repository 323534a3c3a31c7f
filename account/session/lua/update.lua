-- A session's own data changes. Names and values follow the other arguments. The answer is the
-- session. The mode 'all' replaces the data, and 'one' sets what is given. ifVersion is the version
-- that the data must still have, or empty. mark is the call's own. It tells a writer whose reply was
-- lost that it has been here. The other two are how much there may be.
--
-- A session that is gone stays gone. This writes only into a record that is there, and what it writes
-- does not change when the record expires.
local sk, ifVersion, mark, mostFields, mostBytes =
  ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local issuer, mode = ARGV[6], ARGV[7]
local HEADER = 7

local t = now()
local record, flat = live(sk, t)
if not record then return { 'none' } end
local id = 'changed:' .. sk .. ':' .. record.c .. ':'
if record.w == mark then return answer(still(id .. record.v), t, record, flat) end
if ifVersion ~= '' and ifVersion ~= record.v then return { 'version' } end

local set, gone, count, bytes = {}, {}, 0, 0
for i = HEADER + 1, #ARGV, 2 do
  local name, value = unpack(ARGV, i, i + 1)
  set['=' .. name] = value
end
for name, value in pairs(set) do count, bytes = count + 1, bytes + #name - 1 + #value end
for i = 1, #flat, 2 do
  local name = flat[i]
  if string.sub(name, 1, 1) == '=' and not set[name] then
    if mode == 'all' then
      gone[#gone + 1] = name
    else
      count, bytes = count + 1, bytes + #name - 1 + #flat[i + 1]
    end
  end
end
if count > mostFields or bytes > mostBytes then return { 'large' } end

for _, name in ipairs(gone) do call('HDEL', recordOf(sk), name) end
for name, value in pairs(set) do call('HSET', recordOf(sk), name, value) end
local version = int(tonumber(record.v) + 1)
call('HSET', recordOf(sk), 'v', version, 'w', mark)
id = id .. version
owe(id, { { kind = 'invalidate', scope = 'session', id = record.i, issuer = issuer } }, t)
return answer(id, t, record, call('HGETALL', recordOf(sk)))
