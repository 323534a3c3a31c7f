-- All sessions of a principal are ended, except the kept one, whose sk and sid may be empty. The
-- answer is what is owed. nonce is the call's own. lifetimeMs is how long any session lasts.
--
-- A login that was decided before this is in the index, and goes. A login that comes after this begins
-- after the cut-off. One principal is one revocation, however many sessions there are.
local pk, principal, nonce, kept, keptSid = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local issuer, reason, initiator, lifetimeMs = ARGV[6], ARGV[7], ARGV[8], ARGV[9]

local t = now()
local id = 'principal:' .. pk .. ':' .. nonce
if still(id) ~= '' then return { 'ok', id } end -- the reply of the first time was lost

local spared
if kept ~= '' then
  spared = live(kept, t)
  if not spared or spared.k ~= pk then return { 'none' } end
end
local cut, disagree = cutOff()
if disagree then return disagree end
local before = tonumber(call('GET', cutOf(pk)) or '0')
if before <= cut + apart then cut = math.max(cut, before) end
local items, latest = {}, cut + apart
for _, sk in ipairs(call('ZRANGE', indexOf(pk), 0, -1)) do
  if sk ~= kept then
    local hash, began, sid = unpack(call('HMGET', recordOf(sk), 'h', 'c', 'i'))
    if hash then
      call('DEL', recordOf(sk), tokenOf(hash))
      if tonumber(began) <= latest then
        -- A session may begin a moment ahead of the clock, so that it is after a cut-off.
        cut = math.max(cut, tonumber(began))
      else -- both clocks were wrong when it began, and no cut-off of now reaches it
        items[#items + 1] = { scope = 'session', id = sid, issuer = issuer, reason = reason, initiator = initiator }
      end
    end
  end
end
call('DEL', indexOf(pk))
if spared then keep(kept, spared, tonumber(spared.x)) end
call('SET', cutOf(pk), int(cut), 'PX', lifetimeMs)
local item = {
  scope = 'principal', id = principal, issuer = issuer, as_of = int(cut), reason = reason, initiator = initiator,
}
if spared then item.except = keptSid end
table.insert(items, 1, item)
owe(id, items, t)
return { 'ok', id }
