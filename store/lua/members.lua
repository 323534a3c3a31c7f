-- The answer is the position, this server's clock, and the generations. Then come for each class its
-- name, and its fields. A class has no fields if it is not known who its members are.
local out = { epochText, revText, int(now()), generations() }
for class in string.gmatch(classes, '%S+') do
  out[#out + 1] = class
  if generationOf(class) == 'x' or call('HLEN', hashOf(class)) > MOST + 100 then
    out[#out + 1] = false
  else
    out[#out + 1] = call('HGETALL', hashOf(class))
  end
end
return out
