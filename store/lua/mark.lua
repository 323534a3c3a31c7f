-- The mark moves to a point of the stream, and the stream is complete up to a position. The mark
-- so far must be that of a stream and a sequence. extraMs is how long the stream keeps an event
-- beyond the longest lifetime. refilled: the witnesses of the stream before are forgotten.
-- readFrom is the sequence to read on from. begin is the first message that the mark rests on.
-- missing is how many messages are gone from the middle of the stream.
local wasCreated, wasSequence, point, completeEpoch, completeRev = ARGV[1], ARGV[2], pointFrom(3), ARGV[8], ARGV[9]
local extraMs, refilled, readFrom, begin, missing = ARGV[10], ARGV[11] == '1', ARGV[12], pointFrom(13), ARGV[18]

if tonumber(completeEpoch) ~= epoch then
  return redis.error_reply('RVEPOCH the ledger is in epoch ' .. epochText)
end
if tonumber(completeRev) > rev then
  return redis.error_reply('RVINVALID complete up to revision ' .. completeRev .. ', which does not exist')
end
local created, sequence, eventEpoch, eventRev, stored, oldEpoch, oldRev, oldFrom = unpack(call('HMGET', meta,
  'created', 'seq', 'event_epoch', 'event_rev', 'stored', 'complete_epoch', 'complete_rev', 'from_seq'))
-- A call that runs again after a lost reply finds its own mark.
local same = false
if created == point.created and sequence == point.sequence and stored == point.stored
  and eventEpoch == point.eventEpoch and eventRev == point.eventRev
  and oldEpoch == completeEpoch and oldRev == completeRev and oldFrom == readFrom then
  same = true
end
created, sequence = created or '0', sequence or '0'
if not same and (created ~= wasCreated or sequence ~= wasSequence) then
  return redis.error_reply('RVCONFLICT the mark is at ' .. sequence .. ' of the stream made at ' .. created)
end
if not same and refilled then call('DEL', prefix .. 'witnesses') end
if refilled then call('HDEL', meta, 'doubt', 'doubt_born') end -- the stream holds every part of every state now
setMark(point, completeEpoch, completeRev, extraMs, readFrom, begin)
call('HSET', meta, 'missing', missing)
return 1
