-- ARGV: 1 member, 2 applied epoch, 3 applied revision, 4 limit, 5 version, 6 the worker's wall clock (ms),
-- 0: not told, 7 what it accepts, for the operator; empty: as it said before.
local ae, ar = tonumber(ARGV[2]), tonumber(ARGV[3])
if order(ae, ar, epoch, rev) > 0 then
  return redis.error_reply('RVEPOCH the ledger is at ' .. head[1] .. '-' .. head[4] .. ', applied is later')
end
local low = call('HMGET', meta, 'trimmed_epoch', 'trimmed_rev')
if order(ae, ar, tonumber(low[1]) or 0, tonumber(low[2]) or 0) < 0 then
  return redis.error_reply('RVTRIMMED the log starts after ' .. low[1] .. '-' .. low[2])
end

-- One hash for each member, so that an ACL can keep a worker from writing another's.
-- The counter of one that joins again goes on above all that it can have had before:
-- who saw it stand still must not strike it off by an old value that it passes anew.
local t = now()
local member = prefix .. 'm:' .. ARGV[1]
local told = ARGV[7] ~= '' and '1' or nil
local joined = call('SADD', prefix .. 'members', ARGV[1]) == 1
if call('HINCRBY', member, 'n', 1) == 1 or joined then
  told = told or '0'
  call('HSET', member, 'n', int(call('HINCRBY', meta, 'generation', 1) * 1048576))
end
call('HSET', member, 'e', ARGV[2], 'r', ARGV[3], 'v', ARGV[5], 't', t,
  'w', ARGV[6] == '0' and '' or int(tonumber(ARGV[6]) - t))
if ARGV[7] ~= '' then call('HSET', member, 'a', ARGV[7]) end

local entries, more = {}, '0'
if order(ae, ar, epoch, rev) < 0 then
  local limit = tonumber(ARGV[4])
  entries = call('XRANGE', prefix .. 'log', '(' .. ARGV[2] .. '-' .. ARGV[3], '+', 'COUNT', limit + 1)
  if #entries > limit then entries[limit + 1], more = nil, '1' end
end
return { head[1], head[4], head[7], int(t), more, told or '1', entries }
