-- The classes of workers. The field classes of meta names them, with spaces between, and publishers
-- alone write it. Each class has a hash, m:<class>, which its workers may write. Its fields are:
--   gen      the generation: it changes whenever a member joins or goes
--   heard    see the text that every script begins with
--   m:<id>   a member: epoch and revision that it has applied, renew counter, this server's time of the
--            latest renewal, by how much its wall clock is ahead or '-', version
--   a:<id>   what the member accepts
--
-- Whoever has the password of a class may write anything there. So what is read there counts for
-- the workers of this class alone.
local MOST = 20000 -- fields of a class that are listed

local function hashOf(class) return prefix .. 'm:' .. class end

local function isAdmitted(class) return string.find(' ' .. classes .. ' ', ' ' .. class .. ' ', 1, true) end

local function refuseClass()
  return redis.error_reply('RVCLASS no publisher has let in the class ' .. ownClass)
end

-- generationOf is a class' generation. It is x where somebody deleted it or wrote something else.
local function generationOf(class)
  local gen = call('HGET', hashOf(class), 'gen')
  if not gen or #gen > 16 or not string.find(gen, '^%d+$') then return 'x' end
  return gen
end

-- generations has the generation of each class. Where it stands still, nobody joined or went.
local function generations()
  local out = {}
  for class in string.gmatch(classes, '%S+') do out[#out + 1] = generationOf(class) end
  return table.concat(out, ',')
end

-- turnOver begins a class' next generation, and returns it. It goes with the clock, so that none comes
-- twice even if the class' hash was deleted meanwhile.
local function turnOver(class)
  local gen = math.max(now(), (tonumber(generationOf(class)) or 0) + 1)
  call('HSET', hashOf(class), 'gen', int(gen))
  return gen
end

-- parseMember takes a member's field apart. Nothing: no script of ours wrote it.
local function parseMember(text)
  return string.match(text or '', '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
end

-- remove takes a member out, and reports whether it was there.
local function remove(class, id)
  call('HDEL', hashOf(class), 'a:' .. id)
  if call('HDEL', hashOf(class), 'm:' .. id) == 0 then return false end
  turnOver(class)
  return true
end
