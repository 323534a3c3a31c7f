-- What the scripts of the list share. z is a sorted set whose members are the time when
-- the entry ends, of 16 digits, a blank and its name, all of score 0, so that they are
-- sorted by it; h has what each entry says, by name.
local z, h = prefix .. 'd:z', prefix .. 'd:h'
local at = now()
local function pad(n) return string.format('%016.0f', n) end

-- What has ended by both clocks is removed, a thousand at a time, so that the list does not
-- grow for ever. Nothing here expires by itself: that would be Redis' clock alone.
for _, member in ipairs(call('ZRANGEBYLEX', z, '-', '(' .. pad(sure()), 'LIMIT', 0, 1000)) do
  call('ZREM', z, member)
  call('HDEL', h, string.sub(member, 18))
end
