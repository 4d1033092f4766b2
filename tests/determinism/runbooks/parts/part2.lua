local M = { name = "part2" }
for i = 1, 40 do
  M["field" .. i * 17 % 41] = i * 2
end
M.next = require "parts.part3"
function M.look()
  return metric.query { expr = "errors" }.value * 2
end
return M
