runbook { service = "parallel", summary = "Thirty branches on three levels",
  uses = { "*" } }

local order = {}

local function told(name)
  order[#order + 1] = name
  log("%s", name)
end

-- Waits of different lengths, some of them equal, and answers at once.
local function leaf(name, i)
  return function()
    for round = 1, 3 do
      wait(i * 37 % 11 * round .. "s")
      if (i + round) % 3 == 0 then
        deploy.current()
      elseif (i + round) % 3 == 1 then
        flag.get { flag = "new" }
      end
    end
    told(name)
    return i
  end
end

local leaves = 0

local function branch(name, level)
  return function()
    local below = {}
    for i = 1, 3 do
      local inner = name .. "." .. i
      leaves = leaves + 1
      below["k" .. i] = level == 1 and leaf(inner, leaves % 4 + 1)
        or branch(inner, level - 1)
    end
    local results = parallel(below)
    told(name)
    return results.k1
  end
end

function run()
  local top = {}
  for i = 1, 3 do
    top[i] = branch("b" .. i, 2)
  end
  -- One process at a time, while nobody else has an answer to come.
  top.alone = function()
    wait "300s"
    command.run { command = "hello" }
    command.run { command = "soon" }
    return "alone"
  end
  local results = parallel(top)
  log("%s", table.concat(order, " "))
  log("%s %s", tostring(results[1]), results.alone)
end
