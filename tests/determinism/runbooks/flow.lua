runbook { service = "flow", summary = "Guards that cancel, attempts again",
  uses = { "*" } }

local function again(times, fn)
  for i = 1, times do
    local value, err = attempt(fn, i)
    if value then
      return value
    end
    log("try %d: %s", i, tostring(err))
    wait(i .. "s")
  end
  fail("%d tries", times)
end

local function guarded(rounds, body)
  local left = rounds
  return attempt(guard, { every = "3s", because = "enough",
    check = function()
      left = left - 1
      metric.query { expr = "errors" }
      return left > 0, ("after %d looks"):format(rounds)
    end, body = body })
end

function run()
  log("%s", again(4, function(i)
    if i < 3 then
      error(("not at %d"):format(i))
    end
    metric.query { expr = "load" }
    return "done at " .. i
  end))
  for rounds = 1, 4 do
    local value, err = guarded(rounds, function()
      local results = parallel {
        long = function() wait "7s" return "long" end,
        short = function()
          wait "2s"
          flag.get { flag = "new" }
          return "short"
        end,
        both = function()
          return (guarded(2, function() wait "4s" return "inner" end))
        end,
      }
      return results.long .. results.short .. tostring(results.both)
    end)
    log("%d: %s, %s", rounds, tostring(value), tostring(err))
  end
  local value, err = attempt(parallel, {
    a = function() wait "1h" end,
    b = function() wait "2s" error("b fails") end,
    c = function() guarded(9, function() wait "2h" end) end,
  })
  log("%s %s", tostring(value), tostring(err))
  deploy.release { version = "v1" }
  finish { as = "recovered", because = "that was all" }
end
