local M = { name = "part3" }
for i = 1, 40 do
  M["field" .. i * 17 % 41] = i * 3
end

function M.look()
  return metric.query { expr = "errors" }.value * 3
end
return M
