-- What a class has made too large is dropped. most is how many bytes each of its two hashes may have.
-- The answer is the classes whose hashes were dropped. Their workers join again when they renew.
local most = tonumber(ARGV[1])

local dropped = {}
for class in string.gmatch(classes, '%S+') do
  for _, key in ipairs({ hashOf(class), prefix .. 'l:' .. class }) do
    local bytes = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', 0)
    if type(bytes) == 'number' and bytes > most then
      call('UNLINK', key)
      dropped[#dropped + 1] = class
    end
  end
end
return dropped
