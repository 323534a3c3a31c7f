-- The password was changed. What was owed in case of a crash is struck out, because it would end
-- what logs in with the new password. One cut-off takes its place. It is from after the change.
if settled() then return 1 end
-- The clocks may have come to disagree. Then the cut-off that was written down before stands: it is
-- later than the change.
local cut, disagree = cutOff()
if disagree then return disagree end
for earlier in string.gmatch(call('HGET', key, 'tries') or '', '%S+') do strike(earlier) end
call('DEL', key)
call('HSET', key, 'c', int(cut))
call('PEXPIRE', key, lifetime)
call('SET', last, codeID, 'PX', lifetime)
owe(id, items(int(cut)), at)
return 1
