-- begin(…, ms, late or '') → 1: the password was changed; 2: it may have been, and another
-- change has begun since; 0: it may be. Unless something else is written down, everything
-- ends in so many ms, not sooner and with no earlier cut-off. late: it may have been just now.
if settled() then return 1 end
local tries, before = call('HGET', key, 'tries') or '', call('GET', last)
local other = before and before ~= ARGV[1]
local repeated = string.find(tries, ARGV[2] .. ' ', 1, true)
if tries ~= '' and other and not repeated and ARGV[10] == '' then return 2 end

local begin, disagree = cut_off()
if disagree then return disagree end
local cutoff = begin + tonumber(ARGV[9])
owe(id .. ':' .. ARGV[2], items(int(cutoff)), cutoff - 5000) -- due at the cut-off
call('HSET', key, 'tries', tries .. ARGV[2] .. ' ')
if other then call('HSET', key, 'before', before) end
call('PEXPIRE', key, lifetime)
call('SET', last, ARGV[1], 'PX', lifetime)
return 0
