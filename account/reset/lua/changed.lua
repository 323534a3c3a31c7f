-- changed(…): the password was changed. What was owed in case of a crash is struck out, or it
-- would end what logs in with the new password; one cut-off, from after the change, takes
-- its place.
if settled() then return 1 end
-- Where the clocks have come to disagree since, the cut-off that was written down before stands:
-- it is later than the change.
local cut, disagree = cut_off()
if disagree then return disagree end
for try in string.gmatch(call('HGET', key, 'tries') or '', '%S+') do strike(try) end
call('DEL', key)
call('HSET', key, 'c', int(cut))
call('PEXPIRE', key, lifetime)
call('SET', last, ARGV[1], 'PX', lifetime)
owe(id, items(int(cut)), at)
return 1
