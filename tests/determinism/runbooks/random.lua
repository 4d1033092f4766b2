runbook { service = "random", summary = "Chance that is the same every time",
  uses = { "metric.query", "wait.sleep" } }

function run()
  local list = {}
  for i = 1, 20 do
    list[i] = ("%.17g %d %d %d"):format(math.random(), math.random(6),
      math.random(-5, 5), math.random(0))
  end
  log("%s", table.concat(list, "\n"))
  log("whole range: %d", math.random(math.mininteger, math.maxinteger))
  log("refused: %s, %s", select(2, pcall(math.random, 0.5)),
    select(2, pcall(math.random, 2, 1)))
  -- Branches draw from one source, in the order in which they go on.
  local branches = {}
  for i = 1, 8 do
    branches[i] = function()
      wait(math.random(1, 50) .. "ms")
      local drawn = math.random(1000)
      if drawn % 2 == 0 then
        metric.query { expr = "errors" }
      end
      return drawn .. " " .. math.random(1000)
    end
  end
  log("%s", table.concat((parallel(branches)), "; "))
  -- What is done depends on it.
  for _ = 1, math.random(3) do
    metric.query { expr = math.random() < 0.5 and "errors" or "load" }
  end
end
