-- create(sk, pk, hash, idle, lifetime, auth, policy, cap, sid, principal, tenant, device,
-- ip, agent, issuer, reason, initiator, [name, value]...) → the session
--
-- Record, token and index are written in one step, each with its expiry, together with
-- what the login ends: a crash leaves all of it or nothing.
local sk, pk, hash = ARGV[1], ARGV[2], ARGV[3]
local idle, lifetime, auth = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local policy, cap = ARGV[7], tonumber(ARGV[8])
local t = now()

local there, before = live(sk, t)
if there and there.h == hash then -- the reply of the first time was lost
  local id = 'login:' .. sk .. ':' .. there.c
  return answer(call('HEXISTS', owed, id) == 1 and id or '', t, there, before)
end
if there or call('EXISTS', graveOf(sk)) == 1 then return { 'taken' } end

-- Nothing that begins now may be covered by what was cut off before. A cut-off that lies
-- ahead of both clocks was made when both were wrong, and keeps nobody out.
local begin, agreed = begins()
local cut = tonumber(call('GET', cutOf(pk)) or '0')
if agreed and cut > begin + apart then cut = 0 end
if auth > 0 and auth <= cut then return { 'cut' } end

prune(pk, t)
local doomed = {}
if policy == 'end' then
  doomed = call('ZRANGE', indexOf(pk), 0, -1)
elseif cap > 0 then
  local over = call('ZCARD', indexOf(pk)) + 1 - cap
  if over > 0 then doomed = call('ZRANGE', indexOf(pk), 0, math.min(over, 500) - 1) end
end

-- One by one as long as they are few; past that one cut-off says it for all.
local newest, found = 0, {}
for _, d in ipairs(doomed) do
  local v = call('HMGET', recordOf(d), 'i', 'h', 'c', 'e')
  if v[1] then
    found[#found + 1] = { sk = d, i = v[1], h = v[2], e = tonumber(v[4]) }
    newest = math.max(newest, tonumber(v[3]))
  end
end
local many = #found > 500
if many then
  local ends, disagree = cut_off()
  if disagree then return disagree end
  cut = math.max(ends, cut, math.min(newest, ends + apart))
  call('SET', cutOf(pk), int(cut), 'PX', ARGV[5])
end

local created = math.max(begin, cut + 1)
if not agreed then
  -- It may be covered by an earlier cut-off, and is not begun later for that: by which clock?
  if begin <= cut then return { 'cut' } end
  created = begin
end
if auth == 0 or auth > created then auth = created end
local absolute = auth + lifetime
if absolute <= created then return { 'old' } end

local id, items = 'login:' .. sk .. ':' .. int(created), {}
for _, d in ipairs(found) do
  call('DEL', recordOf(d.sk), tokenOf(d.h))
  if not many then
    call('SET', graveOf(d.sk), id, 'PX', int(math.max(d.e - t, 1)))
    items[#items + 1] = { scope = 'session', id = d.i, issuer = ARGV[15], reason = ARGV[16], initiator = ARGV[17] }
  end
end
for _, d in ipairs(doomed) do call('ZREM', indexOf(pk), d) end
if many then
  -- The new session may have been authenticated before the cut-off, elsewhere.
  items[1] = { scope = 'principal', id = ARGV[10], issuer = ARGV[15], as_of = int(cut), except = ARGV[9],
    reason = ARGV[16], initiator = ARGV[17] }
elseif policy == 'invalidate' and call('ZCARD', indexOf(pk)) > 0 then
  items[#items + 1] = { kind = 'invalidate', scope = 'principal', id = ARGV[10], issuer = ARGV[15] }
end

local r = { k = pk, h = hash, e = int(absolute), x = '0', l = int(created) }
call('HSET', recordOf(sk), 'i', ARGV[9], 'p', ARGV[10], 't', ARGV[11], 'd', ARGV[12], 'a', ARGV[13], 'u', ARGV[14],
  'k', pk, 'h', hash, 'c', int(created), 'o', int(auth), 'e', r.e, 'l', r.l, 'v', '1')
for i = 18, #ARGV, 2 do call('HSET', recordOf(sk), '=' .. ARGV[i], ARGV[i + 1]) end
call('SET', tokenOf(hash), sk)
keep(sk, r, math.min(t + idle, absolute))

if #items > 0 then owe(id, items, t) else id = '' end
return answer(id, t, r, call('HGETALL', recordOf(sk)))
