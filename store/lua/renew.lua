-- A member renews its lease. The answer has the log after the position that the member has applied,
-- up to a limit of entries. wall is the worker's clock in ms, or 0 if it was not told. accepts is
-- what the worker accepts, for the operator. Where it is empty, what the member said before stays.
local id, appliedEpochText, appliedRevText, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local version, wall, accepts = ARGV[5], tonumber(ARGV[6]), ARGV[7]

local appliedEpoch, appliedRev = tonumber(appliedEpochText), tonumber(appliedRevText)
if order(appliedEpoch, appliedRev, epoch, rev) > 0 then
  return redis.error_reply('RVEPOCH the ledger is at ' .. epochText .. '-' .. revText .. ', applied is later')
end
local trimmedEpoch, trimmedRev = unpack(call('HMGET', meta, 'trimmed_epoch', 'trimmed_rev'))
if order(appliedEpoch, appliedRev, tonumber(trimmedEpoch) or 0, tonumber(trimmedRev) or 0) < 0 then
  return redis.error_reply('RVTRIMMED the log starts after ' .. trimmedEpoch .. '-' .. trimmedRev)
end

-- Each member has a hash of its own. So an ACL can keep a worker from writing another worker's.
-- A member that joins again counts on from above all that its counter can have had before. A
-- publisher that saw the counter stand still must not strike the member off by a value that the
-- counter passes a second time.
local t = now()
local member = prefix .. 'm:' .. id
local told = accepts ~= '' and '1' or nil
local joined = call('SADD', prefix .. 'members', id) == 1
if call('HINCRBY', member, 'n', 1) == 1 or joined then
  told = told or '0'
  call('HSET', member, 'n', int(call('HINCRBY', meta, 'generation', 1) * 1048576))
end
call('HSET', member, 'e', appliedEpochText, 'r', appliedRevText, 'v', version, 't', t,
  'w', wall == 0 and '' or int(wall - t))
if accepts ~= '' then call('HSET', member, 'a', accepts) end

local entries, more = {}, '0'
if order(appliedEpoch, appliedRev, epoch, rev) < 0 then
  entries = call('XRANGE', prefix .. 'log', '(' .. appliedEpochText .. '-' .. appliedRevText, '+', 'COUNT', limit + 1)
  if #entries > limit then entries[limit + 1], more = nil, '1' end
end
return { epochText, revText, terms, int(t), more, told or '1', entries }
