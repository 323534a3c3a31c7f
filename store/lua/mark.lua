-- ARGV: 1 created and 2 sequence that the mark so far must have, 3 created, 4 sequence,
-- 5 and 6 position of the event, 7 stored, 8 and 9 complete, 10 how long the stream keeps
-- an event beyond the longest lifetime (ms), 11 whether the stream was refilled, so that
-- the witnesses of before are forgotten, 12 the sequence to read on from, 13 to 17 the
-- first message that the mark rests on, as 3 to 7, 18 how many messages are gone from the
-- middle of the stream.
if tonumber(ARGV[8]) ~= epoch then return redis.error_reply('RVEPOCH the ledger is in epoch ' .. head[1]) end
if tonumber(ARGV[9]) > rev then
  return redis.error_reply('RVINVALID complete up to revision ' .. ARGV[9] .. ', which does not exist')
end
local v = call('HMGET', meta, 'created', 'seq', 'event_epoch', 'event_rev', 'stored', 'complete_epoch', 'complete_rev', 'from_seq')
-- Run again after a lost reply it finds its own mark.
local same = true
for i = 1, 7 do same = same and v[i] == ARGV[i + 2] end
same = same and v[8] == ARGV[12]
if not same and ((v[1] or '0') ~= ARGV[1] or (v[2] or '0') ~= ARGV[2]) then
  return redis.error_reply('RVCONFLICT the mark is at ' .. (v[2] or '0') .. ' of the stream made at ' .. (v[1] or '0'))
end
if not same and ARGV[11] == '1' then call('DEL', prefix .. 'witnesses') end
setMark({ unpack(ARGV, 3, 7) }, ARGV[8], ARGV[9], ARGV[10], ARGV[12], { unpack(ARGV, 13, 17) })
call('HSET', meta, 'missing', ARGV[18])
return 1
