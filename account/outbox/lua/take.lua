-- The answer is Redis' clock, the earlier one of both clocks, what is owed under the id, and the
-- positions at which it was committed lately. The last two are empty if there is nothing.
local id = ARGV[1]

return { int(now()), int(sure()), call('HGET', owed, id) or '', call('GET', prefix .. 'told:' .. id) or '' }
