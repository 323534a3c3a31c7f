-- A change of the password begins. The answer is 0 where the password may be changed now. It is 1
-- where it was changed. It is 2 where it may have been changed, and another change has begun since.
--
-- Unless something else is written down, everything ends in inMs: not sooner, and not with an
-- earlier cut-off. late is empty, or says that the password may just have been changed.
local inMs, late = tonumber(ARGV[9]), ARGV[10]

if settled() then return 1 end
local tries, before = call('HGET', key, 'tries') or '', call('GET', last)
local other = before and before ~= codeID
local repeated = string.find(tries, try .. ' ', 1, true)
if tries ~= '' and other and not repeated and late == '' then return 2 end

local present, disagree = cutOff()
if disagree then return disagree end
local cut = present + inMs
owe(id .. ':' .. try, items(int(cut)), cut - 5000) -- due at the cut-off
call('HSET', key, 'tries', tries .. try .. ' ')
if other then call('HSET', key, 'before', before) end
call('PEXPIRE', key, lifetime)
call('SET', last, codeID, 'PX', lifetime)
return 0
