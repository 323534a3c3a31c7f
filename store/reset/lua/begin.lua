-- begin(…, ms) → 1: the password was changed; 0: it may be. Unless something else is
-- written down, everything ends in so many ms, not sooner and with no earlier cut-off.
if settled() then return 1 end
local cutoff = at + tonumber(ARGV[8])
owe(id .. ':' .. ARGV[2], items(int(cutoff)), cutoff - 5000) -- due at the cut-off
call('HSET', key, 'tries', (call('HGET', key, 'tries') or '') .. ARGV[2] .. ' ')
call('PEXPIRE', key, lifetime)
return 0
