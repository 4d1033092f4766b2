runbook { service = "collide", summary = "Many keys, near to one another",
  uses = { "metric.query" } }

-- Texts of the same length that differ in one place, short and long ones.
local function keys(count, pad)
  local list = {}
  for i = 1, count do
    list[i] = pad .. string.char(97 + i % 26, 97 + i // 26 % 26,
      97 + i // 676 % 26) .. pad
  end
  return list
end

function run()
  for _, pad in ipairs { "", "x", ("long"):rep(12) } do
    local t, sum = {}, 0
    for i, key in ipairs(keys(3000, pad)) do
      t[key] = i
      if i % 3 == 0 then
        t[key] = nil
      end
    end
    local place = 0
    for key, value in pairs(t) do
      place = place + 1
      sum = (sum * 33 + value * place) & 0xffffffffffff
      if value == 2999 then
        log("%s at %d", key, place)
        break
      end
    end
    log("%d %d", place, sum)
    metric.query { expr = place % 2 == 0 and "errors" or "load" }
  end
end
