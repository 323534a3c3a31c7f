-- known(identifier, pair, known for) → 1: it succeeded there lately
local succeeded = tonumber(call('ZSCORE', base .. 'k:' .. ARGV[1], ARGV[2]))
return succeeded and succeeded > at - tonumber(ARGV[3]) and 1 or 0
