-- The answer is what there is to say about the ledger. A ledger that has not begun has a server and
-- a clock, and nothing else.
if not epoch then return { server, int(now()) } end
local fields = call('HMGET', meta, 'durable_epoch', 'durable_rev', 'trimmed_epoch', 'trimmed_rev', 'claims', 'record',
  'opened', 'opened_by', 'created', 'seq', 'event_epoch', 'event_rev', 'stored', 'complete_epoch', 'complete_rev',
  'marked', 'witness', 'settling', 'settle_for', 'from_seq', 'born', 'gone', 'missing')
local out = { server, int(now()), state, epochText, revText, settled, terms, unpack(fields, 1, 23) }
out[#out + 1] = int(largest())
out[#out + 1] = int(turnOf())
out[#out + 1] = classes
out[#out + 1] = call('HGET', meta, 'rekey') or '0'
return out
