-- What the scripts of the list share. The sorted set ends has the entries in the order in which they
-- end. All of its members have the score 0. So they are sorted as text: the time when the entry ends,
-- in 16 digits, a blank, and the entry's name. The hash details has what each entry says, by name.
local ends, details = prefix .. 'd:z', prefix .. 'd:h'
local at = now()
local function pad(n) return string.format('%016.0f', n) end
local function nameOf(member) return string.sub(member, 18) end

-- What has ended by both clocks is removed, up to a thousand entries at a time. So the list does not
-- grow for ever. Nothing here expires by itself, because that would be by Redis' clock alone.
for _, member in ipairs(call('ZRANGEBYLEX', ends, '-', '(' .. pad(sure()), 'LIMIT', 0, 1000)) do
  call('ZREM', ends, member)
  call('HDEL', details, nameOf(member))
end
