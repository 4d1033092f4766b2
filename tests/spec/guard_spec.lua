-- A guard that fires gives its body up; a write that has left goes on, and
-- what the runbook writes next waits for it.

local BUILD = os.getenv "RBRUN_BUILD" or "build"

local function sh(format, ...)
  local pipe = assert(io.popen("( " .. format:format(...) .. " ) 2>&1"))
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return text, status
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

describe("a guard that fires", function()
  local dir

  setup(function()
    dir = sh("mktemp -d ${TMPDIR:-/tmp}/rbrun-guard-XXXXXX"):gsub("%s", "")
    write(dir .. "/book.lua", [[
      runbook { service = "s", summary = "guarded",
        uses = { "command.run", "wait.sleep", "clock.now" } }
      function run()
        local looks = 0
        local _, err = attempt(guard, { every = "100ms", because = "enough",
          check = function() looks = looks + 1 return looks < 3 end,
          body = function() command.run { command = "slow" } end })
        log("guard: %s", err and err.message or "quiet")
        clock.now()
        command.run { command = "next" }
      end]])
    local line = [[%s = { driver = "command",
      argv = { "/bin/sh", "-c", "%s echo %s >> %s/order" } },]]
    write(dir .. "/lab.lua", [[return { name = "lab", command = {]] ..
      line:format("slow", "sleep 1;", "slow", dir) ..
      line:format("next", "", "next", dir) ..
      [[}, grants = { ["book.lua"] = { "command.run *", "wait.sleep",
        "clock.now" } } }]])
  end)

  teardown(function()
    sh("rm -rf %s", dir)
  end)

  it("lets the write end before the next one starts", function()
    local text, status = sh("cd %s && RBRUN_STATE=%s/state " ..
      "%s/rbrun ./book.lua --environment ./lab.lua --yes </dev/null",
      dir, dir, sh("realpath %s", BUILD):gsub("%s", "") .. "")
    assert.equal(0, status, text)
    assert.truthy(text:find("guard: ", 1, true), text)
    assert.equal("slow\nnext\n", (sh("cat %s/order", dir)))
    text, status = sh("RBRUN_STATE=%s/state %s/rbrun replay last </dev/null",
      dir, BUILD)
    assert.equal(0, status, text)
  end)
end)
