--- A text many times, with "#" as 1, 2, 3, ... in it.
return function(text, count)
  local parts = {}
  for i = 1, count do
    parts[i] = text:gsub("#", tostring(i))
  end
  return table.concat(parts)
end
