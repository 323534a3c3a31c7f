-- What the limiter's scripts share. A pair's log is text: <time>,<state>,<id>; for each of
-- its attempts in the window, oldest first. The states:
--   o, k  under way, and a failure until it is known better; k: by a known pair, which
--         counts neither for its address nor for its identifier
--   f     failed     c  failed, cleared by a later success     s  succeeded
--
-- What was counted by a clock that was ahead, and has been set back since, is forgotten: it would
-- keep everybody out for as long. So each jump of Redis' clock gives one window anew, and no more.
local at = now()
local base = prefix .. 'l:'

local function load(key, window)
  local log = {}
  for t, state, id in string.gmatch(call('GET', key) or '', '(%d+),(%a),([^;]+);') do
    if tonumber(t) > at - window and tonumber(t) <= at + apart then log[#log + 1] = {t = tonumber(t), state = state, id = id} end
  end
  return log
end

local function save(key, window, log)
  local text = {}
  for i, e in ipairs(log) do text[i] = int(e.t) .. ',' .. e.state .. ',' .. e.id .. ';' end
  call('SET', key, table.concat(text), 'PX', int(window))
end

local function find(log, id)
  for _, e in ipairs(log) do
    if e.id == id then return e end
  end
end

-- A counter is the number of a window and how many there were in it and the one before.
local function counted(key, window)
  local n = math.floor(at / window)
  local b, cur, last = string.match(call('GET', key) or '', '^(%d+) (%d+) (%d+)$')
  b, cur, last = tonumber(b), tonumber(cur), tonumber(last)
  if b == n then return {n = n, cur = cur, last = last} end
  if b == n - 1 then return {n = n, cur = 0, last = cur} end
  return {n = n, cur = 0, last = 0}
end

local function keep(key, window, c)
  call('SET', key, int(c.n) .. ' ' .. int(c.cur) .. ' ' .. int(c.last), 'PX', int(2 * window))
end

-- sum is what the sliding window holds of it, the last one taken as even.
local function sum(c, window)
  return c.cur + c.last * (1 - (at - c.n * window) / window)
end
