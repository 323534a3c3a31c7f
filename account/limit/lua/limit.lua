-- What the scripts of the limiter share. A pair is an identifier at an address. Its log is text,
-- <time>,<state>,<id>; for each of its attempts in the window, the oldest first. The states are:
--   o  under way; it counts as failed until its outcome is told
--   k  under way, by a pair that is known; it counts for the pair, and not for its address or identifier
--   f  failed
--   c  failed, and cleared by a later success
--   s  succeeded
--
-- What a clock counted that was ahead, and has been set back since, is forgotten. It would keep
-- everybody out until the clock is there again. So each jump of Redis' clock gives one more window,
-- and no more.
local at = now()
local base = prefix .. 'l:'

-- load reads the log of a pair: a table of entries, which have the fields at, state and id.
local function load(key, window)
  local log = {}
  for t, state, id in string.gmatch(call('GET', key) or '', '(%d+),(%a),([^;]+);') do
    if tonumber(t) > at - window and tonumber(t) <= at + apart then
      log[#log + 1] = { at = tonumber(t), state = state, id = id }
    end
  end
  return log
end

local function save(key, window, log)
  local text = {}
  for i, entry in ipairs(log) do text[i] = int(entry.at) .. ',' .. entry.state .. ',' .. entry.id .. ';' end
  call('SET', key, table.concat(text), 'PX', int(window))
end

local function find(log, id)
  for _, entry in ipairs(log) do
    if entry.id == id then return entry end
  end
end

local function underWay(entry) return entry.state == 'o' or entry.state == 'k' end

-- counted reads a counter: the number of a window, how many there were in it (this), and how many in
-- the window before (last).
local function counted(key, window)
  local number = math.floor(at / window)
  local countedIn, this, last = string.match(call('GET', key) or '', '^(%d+) (%d+) (%d+)$')
  countedIn, this, last = tonumber(countedIn), tonumber(this), tonumber(last)
  if countedIn == number then return { number = number, this = this, last = last } end
  if countedIn == number - 1 then return { number = number, this = 0, last = this } end
  return { number = number, this = 0, last = 0 }
end

-- keep writes a counter.
local function keep(key, window, counter)
  call('SET', key, int(counter.number) .. ' ' .. int(counter.this) .. ' ' .. int(counter.last), 'PX', int(2 * window))
end

-- sum is how many of a counter are in the sliding window. Those of the window before count as spread
-- evenly over it.
local function sum(counter, window)
  return counter.this + counter.last * (1 - (at - counter.number * window) / window)
end

-- knownAt reports whether a pair has succeeded within the last knownForMs.
local function knownAt(identifier, pair, knownForMs)
  local succeeded = tonumber(call('ZSCORE', base .. 'k:' .. identifier, pair))
  return succeeded and succeeded > at - knownForMs
end
