runbook { service = "pairs", summary = "Walks that end early, over all keys",
  uses = { "metric.query" } }

local function seen(t, most)
  local list = {}
  for key, value in pairs(t) do
    list[#list + 1] = tostring(key) .. "=" .. tostring(value)
    if #list == most then
      break
    end
  end
  return table.concat(list, " ")
end

local function mixed()
  local t = { 10, 20, nil, 40, [true] = "yes", [false] = "no", [-1] = "minus",
    [2.5] = "real", [1 << 53] = "large", [-0.5] = "below", [""] = "empty" }
  for i = 1, 200 do
    t["key" .. i * 7919 % 1000] = i
    t[i * 0.25] = -i
  end
  return t
end

-- What stands behind the break depends on what came before it.
function run()
  local t = mixed()
  for most = 1, 60, 7 do
    log("%d: %s", most, seen(t, most))
  end
  for key, value in pairs(t) do -- fields that exist may be assigned
    if type(value) == "number" and value % 2 == 0 then
      t[key] = value + 1
    elseif value == "no" then
      t[key] = nil
    end
  end
  log("assigned: %s", seen(t, 90))
  for _, key in ipairs { {}, function() end } do
    log("refused: %s", tostring(select(2, pcall(function()
      for _ in pairs { [key] = 1 } do
        log "never"
      end
    end))))
  end
  local first
  for key in pairs(t) do
    if type(key) == "string" and key:find "9" then
      first = key
      break
    end
  end
  log("the first with a 9: %s", first)
  metric.query { expr = first == "key109" and "errors" or "load" }
end
