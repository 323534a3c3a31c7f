-- Classes of workers are let in. Those that are in already stay as they are.
for _, class in ipairs(ARGV) do
  if not isAdmitted(class) then classes = classes .. ' ' .. class end
  if generationOf(class) == 'x' then turnOver(class) end
end
call('HSET', meta, 'classes', classes)
return 1
