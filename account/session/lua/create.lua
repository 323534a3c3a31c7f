-- A login makes a session. Names and values of its own data follow the other arguments. The answer is
-- the session. Record, token and index are written in one step, each with its expiry, together with
-- what the login ends. So a crash leaves all of it or nothing.
--
-- auth is when the user was authenticated, or 0 where that is the present time. policy says what the login
-- does to other sessions of the principal: 'end' ends them. cap is how many there may be, or 0. reason and
-- initiator are those of what is ended. Times are in ms.
local sk, pk, hash, idle, lifetime = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local auth, policy, cap, sid, principal = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8]), ARGV[9], ARGV[10]
local tenant, device, ip, agent, issuer = ARGV[11], ARGV[12], ARGV[13], ARGV[14], ARGV[15]
local reason, initiator = ARGV[16], ARGV[17]
local HEADER = 17

local t = now()

local there, before = live(sk, t)
if there and there.h == hash then -- the reply of the first time was lost
  return answer(still('login:' .. sk .. ':' .. there.c), t, there, before)
end
if there or call('EXISTS', graveOf(sk)) == 1 then return { 'taken' } end

-- A session that begins now must not be covered by an earlier cut-off. A cut-off that lies ahead of
-- both clocks was made when both were wrong. It keeps nobody out.
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

-- Sessions are ended one by one if they are few. If they are many, one cut-off says it for all.
local newest, found = 0, {}
for _, other in ipairs(doomed) do
  local otherSid, otherHash, began, ends = unpack(call('HMGET', recordOf(other), 'i', 'h', 'c', 'e'))
  if otherSid then
    found[#found + 1] = { sk = other, sid = otherSid, hash = otherHash, ends = tonumber(ends) }
    newest = math.max(newest, tonumber(began))
  end
end
local many = #found > 500
if many then
  local present, disagree = cutOff()
  if disagree then return disagree end
  cut = math.max(present, cut, math.min(newest, present + apart))
  call('SET', cutOf(pk), int(cut), 'PX', int(lifetime))
end

local created = math.max(begin, cut + 1)
if not agreed then
  -- An earlier cut-off may cover the session. It does not begin later for that, because it is not
  -- known by which clock it would.
  if begin <= cut then return { 'cut' } end
  created = begin
end
if auth == 0 or auth > created then auth = created end
local absolute = auth + lifetime
if absolute <= created then return { 'old' } end

local id, items = 'login:' .. sk .. ':' .. int(created), {}
for _, other in ipairs(found) do
  call('DEL', recordOf(other.sk), tokenOf(other.hash))
  if not many then
    call('SET', graveOf(other.sk), id, 'PX', int(math.max(other.ends - t, 1)))
    items[#items + 1] = {
      scope = 'session', id = other.sid, issuer = issuer, reason = reason, initiator = initiator,
    }
  end
end
for _, other in ipairs(doomed) do call('ZREM', indexOf(pk), other) end
if many then
  -- The user of the new session may have been authenticated before the cut-off, elsewhere.
  items[1] = {
    scope = 'principal', id = principal, issuer = issuer, as_of = int(cut), except = sid,
    reason = reason, initiator = initiator,
  }
elseif policy == 'invalidate' and call('ZCARD', indexOf(pk)) > 0 then
  items[#items + 1] = { kind = 'invalidate', scope = 'principal', id = principal, issuer = issuer }
end

local record = { k = pk, h = hash, e = int(absolute), x = '0', l = int(created) }
call('HSET', recordOf(sk), 'i', sid, 'p', principal, 't', tenant, 'd', device, 'a', ip, 'u', agent,
  'k', pk, 'h', hash, 'c', int(created), 'o', int(auth), 'e', record.e, 'l', record.l, 'v', '1')
for i = HEADER + 1, #ARGV, 2 do
  local name, value = unpack(ARGV, i, i + 1)
  call('HSET', recordOf(sk), '=' .. name, value)
end
call('SET', tokenOf(hash), sk)
keep(sk, record, math.min(t + idle, absolute))

if #items > 0 then owe(id, items, t) else id = '' end
return answer(id, t, record, call('HGETALL', recordOf(sk)))
