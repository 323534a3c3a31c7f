if not epoch then return { server, int(now()) } end
local v = call('HMGET', meta, 'durable_epoch', 'durable_rev', 'trimmed_epoch', 'trimmed_rev', 'claims', 'record')
return { server, int(now()), state, head[1], head[4], head[6], head[7], v[1], v[2], v[3], v[4], v[5], v[6] }
