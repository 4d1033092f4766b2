runbook { service = "failing", summary = "Errors through everything there is",
  uses = { "*" } }

local function deep(n)
  if n == 0 then
    local nothing = nil -- luacheck: ignore
    return nothing.field
  end
  return 1 + deep(n - 1)
end

local function told(...)
  local ok, why = xpcall(...)
  log("%s: %s", tostring(ok), tostring(why))
end

function run()
  told(deep, function(why) return "handled: " .. tostring(why) end, 5)
  told(parallel, tostring, { a = function() deep(2) end,
    b = function() wait "1s" end })
  told(guard, tostring, { every = "1s", because = "no", check = function()
    return false, {}
  end, body = function() wait "1h" end })
  told(guard, tostring, { every = "1s", because = "broken check",
    check = function() deep(1) end, body = function() wait "1h" end })
  told(step, tostring, "a step", function() step("inside", deep, 1) end)
  local answer, err = metric.query { expr = "quiet" }
  log("%s %s %s", tostring(answer), tostring(err), tostring(err.outcome))
  told(command.run, tostring, { command = "fails" })
  undo("the first", function()
    deploy.release { version = "v2" }
  end)
  deploy.release { version = "v1" }
  undo("one that fails", function()
    deep(3)
  end)
  flag.set { flag = "new", on = false }
  undo("one that waits and fails", function()
    wait "2s"
    command.run { command = "fails" }
  end)
  on_failure("tell the deaf", function(problem)
    notify.send { channel = "deaf", text = problem }
    notify.send { channel = "chat", text = problem }
  end)
  on_failure("fail to tell", function(problem)
    error(problem .. " and " .. tostring(deep))
  end)
  -- No plan knows what a command will print: to one that did, and saw the
  -- failure behind the writes, --yes would be no consent.
  local soon = command.run { command = "soon" }.output
  parallel {
    slow = function() wait(soon:find "soon" and "1m" or "1ms") end,
    quick = function()
      wait "1s"
      if not soon:find "soon" then return end
      parallel { inner = function()
        step("the last", function() deep(4) end)
      end }
    end,
  }
end
