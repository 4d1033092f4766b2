runbook { service = "processes", summary = "Real processes side by side",
  uses = { "command.run", "flag.get", "wait.sleep" } }

local order = {}

local function worker(name, level)
  return function()
    local kinds = { "hello", "soon", "late" }
    command.run { command = kinds[level] }
    order[#order + 1] = name
    if level == 3 then
      return name
    end
    local below = {}
    for i = 1, 2 do
      below[i] = worker(name .. i, level + 1)
    end
    local results = parallel(below)
    wait "5ms"
    flag.get { flag = "new" }
    return table.concat(results, "+")
  end
end

function run()
  local results = parallel { worker("a", 1), worker("b", 1), worker("c", 1) }
  log("%s", table.concat(order, " "))
  log("%s", table.concat(results, " "))
  -- What comes next depends on who was first.
  for i = 1, 6 do
    if order[i]:find "a" then
      flag.get { flag = "new" }
    end
  end
end
