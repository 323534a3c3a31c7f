-- A member renews its lease. The answer has the log after the position that the member has applied,
-- up to a limit of entries. wall is the worker's clock in ms, or 0 if it was not told. accepts is
-- what the worker accepts, for the operator. Where it is empty, what the member said before stays.
local id, appliedEpochText, appliedRevText, limit = ARGV[1], ARGV[2], ARGV[3], math.min(tonumber(ARGV[4]), 10000)
local version, wall, accepts = ARGV[5], tonumber(ARGV[6]), ARGV[7]

if not isAdmitted(ownClass) then return refuseClass() end
local appliedEpoch, appliedRev = tonumber(appliedEpochText), tonumber(appliedRevText)
if order(appliedEpoch, appliedRev, epoch, rev) > 0 then
  return redis.error_reply('RVEPOCH the ledger is at ' .. epochText .. '-' .. revText .. ', applied is later')
end
local trimmedEpoch, trimmedRev = unpack(call('HMGET', meta, 'trimmed_epoch', 'trimmed_rev'))
if order(appliedEpoch, appliedRev, tonumber(trimmedEpoch) or 0, tonumber(trimmedRev) or 0) < 0 then
  return redis.error_reply('RVTRIMMED the log starts after ' .. trimmedEpoch .. '-' .. trimmedRev)
end

-- A member that joins again counts on from above all that its counter can have had before: nobody
-- renews 4096 times in a millisecond. A publisher that saw the counter stand still must not strike the member off by a value that the
-- counter passes a second time.
local t = now()
local told = '1'
local _, _, renewals = parseMember(call('HGET', own, 'm:' .. id))
renewals = tonumber(renewals)
if renewals then
  renewals = renewals + 1
else
  if call('HLEN', own) >= MOST then
    return redis.error_reply('RVCLASS the class ' .. ownClass .. ' has as many workers as can be listed')
  end
  told, renewals = '0', turnOver(ownClass) * 4096
end
call('HSET', own, 'm:' .. id, table.concat({ appliedEpochText, appliedRevText, int(renewals), int(t),
  wall == 0 and '-' or int(wall - t), version }, ' '))
if accepts ~= '' then
  told = '1'
  call('HSET', own, 'a:' .. id, accepts)
end

local entries, more = {}, '0'
if order(appliedEpoch, appliedRev, epoch, rev) < 0 then
  entries = call('XRANGE', prefix .. 'log', '(' .. appliedEpochText .. '-' .. appliedRevText, '+', 'COUNT', limit + 1)
  if #entries > limit then entries[limit + 1], more = nil, '1' end
end
return { epochText, revText, terms, int(t), more, told, entries }
