local M = { name = "part1" }
for i = 1, 40 do
  M["field" .. i * 17 % 41] = i * 1
end
M.next = require "parts.part2"
function M.look()
  return metric.query { expr = "errors" }.value * 1
end
return M
