-- The answer is 1 if the identifier has succeeded there within the last knownForMs.
local identifier, pair, knownForMs = ARGV[1], ARGV[2], tonumber(ARGV[3])

return knownAt(identifier, pair, knownForMs) and 1 or 0
