-- endall(pk, principal, nonce, kept sk, kept sid, issuer, reason, initiator, lifetime) →
-- what is owed
--
-- Whatever login was decided before this is in the index and goes; whatever comes after
-- begins after the cut-off. One principal is one revocation, however many sessions.
local pk, kept = ARGV[1], ARGV[4]
local t = now()
local id = 'principal:' .. pk .. ':' .. ARGV[3]
if call('HEXISTS', owed, id) == 1 then return { 'ok', id } end -- the reply of the first time was lost

local spared
if kept ~= '' then
  spared = live(kept, t)
  if not spared or spared.k ~= pk then return { 'none' } end
end
local cut, disagree = cut_off()
if disagree then return disagree end
local before = tonumber(call('GET', cutOf(pk)) or '0')
if before <= cut + apart then cut = math.max(cut, before) end
local items, latest = {}, cut + apart
for _, sk in ipairs(call('ZRANGE', indexOf(pk), 0, -1)) do
  if sk ~= kept then
    local v = call('HMGET', recordOf(sk), 'h', 'c', 'i')
    if v[1] then
      call('DEL', recordOf(sk), tokenOf(v[1]))
      if tonumber(v[2]) <= latest then
        -- Sessions may begin a moment ahead of the clock, so as to be after a cut-off.
        cut = math.max(cut, tonumber(v[2]))
      else -- both clocks were wrong when it began, and no cut-off of now reaches it
        items[#items + 1] = { scope = 'session', id = v[3], issuer = ARGV[6], reason = ARGV[7], initiator = ARGV[8] }
      end
    end
  end
end
call('DEL', indexOf(pk))
if spared then keep(kept, spared, tonumber(spared.x)) end
call('SET', cutOf(pk), int(cut), 'PX', ARGV[9])
local item = { scope = 'principal', id = ARGV[2], issuer = ARGV[6], as_of = int(cut), reason = ARGV[7], initiator = ARGV[8] }
if spared then item.except = ARGV[5] end
table.insert(items, 1, item)
owe(id, items, t)
return { 'ok', id }
