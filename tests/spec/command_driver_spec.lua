-- Drivers that run programs: what reaches the program, what it may see, how
-- its end is told, and that nothing of it survives the call.
local S = require "tests.spec.support_deploy"

describe("command.run by the command driver", function()
  local dir

  before_each(function() dir = S.scratch() end)
  after_each(function() S.remove(dir) end)

  local function run(binding, args, more)
    local call = { driver = "command", verb = "command.run",
                   binding = binding, args = args }
    for k, v in pairs(more or {}) do call[k] = v end
    return S.call(dir, call)
  end

  local function sh(text)
    return { argv = { "sh", "-c", text } }
  end

  it("hands arguments over whole, whatever is in them", function()
    local a = run({ argv = { "printf", "%s|", "a b", "{target}", "<{run}>" } },
                  { args = { "c\"d'e", "$HOME; true", "", "{key}" } })
    assert.equal("ok", a.outcome)
    assert.equal("a b|test|<20260101-TEST>|c\"d'e|$HOME; true||{key}|",
                 a.value.output)
    assert.equal(0, a.value.status)
    assert.is_number(a.value.seconds)
  end)

  it("gives the program no environment but what is named", function()
    local a = run({ argv = { "env" } }, nil,
                  { environment = "SECRET_OF_OURS=1" })
    assert.equal("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:" ..
                 "/sbin:/bin\nLC_ALL=C\n", a.value.output)
    a = run({ argv = { "env" }, environment = { "HANDED_ON", "NOT_SET" },
              set = { COLOUR = "blue" } }, nil,
            { environment = "HANDED_ON=yes SECRET_OF_OURS=1" })
    assert.truthy(a.value.output:find("\nHANDED_ON=yes\n", 1, true))
    assert.truthy(a.value.output:find("\nCOLOUR=blue\n", 1, true))
    assert.falsy(a.value.output:find("SECRET_OF_OURS", 1, true))
    assert.falsy(a.value.output:find("NOT_SET", 1, true))
  end)

  it("shows no value that it was given to set", function()
    local binding = sh "echo got $TOKEN; echo $TOKEN >&2; exit 3"
    binding.set = { TOKEN = "tr0ub4dor" }
    local a = run(binding)
    assert.equal("rejected", a.outcome)
    assert.truthy(a.message:find("exited with 3: [TOKEN]", 1, true))
    local log = S.slurp(dir .. "/run/call-1.log")
    assert.truthy(log:find("got [TOKEN]", 1, true))
    assert.falsy(log:find("tr0ub4dor", 1, true))
  end)

  it("searches the program in the path it is given", function()
    os.execute("mkdir " .. dir .. "/bin")
    S.spew(dir .. "/bin/only-here", "#!/bin/sh\necho found\n")
    os.execute("chmod +x " .. dir .. "/bin/only-here")
    local a = run({ argv = { "only-here" } }, nil,
                  { environment = "PATH=" .. dir .. "/bin:$PATH" })
    assert.equal("not_found", a.outcome)
    a = run({ argv = { "only-here" }, set = { PATH = dir .. "/bin:/bin" } })
    assert.equal("found\n", a.value.output)
  end)

  it("runs in the bound directory, and says when there is none", function()
    local a = run({ argv = { "pwd" }, directory = "/usr" })
    assert.equal("/usr\n", a.value.output)
    a = run({ argv = { "pwd" }, directory = "missing" })
    assert.equal("retryable", a.outcome)
    assert.truthy(a.message:find("cannot start pwd in " .. dir .. "/missing",
                                 1, true))
  end)

  for status, outcome in pairs { [1] = "rejected", [75] = "retryable",
                                 [77] = "auth", [127] = "rejected" } do
    it(("calls exit status %d %s"):format(status, outcome), function()
      local a = run(sh("echo first; echo last >&2; exit " .. status))
      assert.equal(outcome, a.outcome)
      assert.truthy(a.message:find(("exited with %d: last"):format(status), 1,
                                   true))
    end)
  end

  it("keeps text that is no UTF-8 as text", function()
    local a = run(sh "printf 'a\\377b\\000c\\303\\251'")
    assert.equal("a\u{fffd}b\u{fffd}c\u{e9}", a.value.output)
    a = run(sh "printf '\\377\\033[31mred' >&2; exit 1")
    assert.truthy(a.message:find("\\xff\\x1b[31mred", 1, true))
  end)

  it("keeps the end of a long output", function()
    local a = run(sh "seq 1 200000; echo the end")
    assert.equal("ok", a.outcome)
    assert.equal(4096, #a.value.output)
    assert.truthy(a.value.output:find "\nthe end\n$")
    local log = S.slurp(dir .. "/run/call-1.log")
    assert.truthy(log:find("only the end is kept", 1, true))
    assert.truthy(#log > 60000 and #log < 67000)
  end)

  it("takes the output of both streams at once", function()
    local a = run(sh [[
      (i=0; while [ $i -lt 3000 ]; do printf '%0100d\n' $i >&2
       i=$((i+1)); done) &
      seq 1 100000; wait; echo done]])
    assert.equal("ok", a.outcome)
    assert.truthy(a.value.output:find "done\n$")
  end)

  it("does not wait for a service that the program leaves behind", function()
    local before = os.time()
    local a = run(sh("sleep 60 & echo $! >" .. dir .. "/pid; echo started"))
    local pid = tonumber(S.slurp(dir .. "/pid"))
    assert.equal("started\n", a.value.output)
    assert.truthy(os.time() - before < 10)
    assert.is_true(S.alive(pid))
    S.stop(pid)
  end)

  it("kills the whole group at the time limit", function()
    local binding = sh("(trap '' TERM; sleep 60) & echo $! >" .. dir ..
                       "/pid; sleep 60")
    binding.timeout = "300ms"
    local a = run(binding)
    assert.equal("unknown_outcome", a.outcome)
    assert.truthy(a.message:find "was killed after 3%d%d ms")
    assert.is_false(S.alive(tonumber(S.slurp(dir .. "/pid"))))
  end)

  it("takes the shorter limit of the call", function()
    local binding = sh "sleep 60"
    binding.timeout = "50s"
    local a = run(binding, { timeout = "200ms" })
    assert.equal("unknown_outcome", a.outcome)
  end)

  it("takes the whole group with it when it is told to end", function()
    local call = { driver = "command", verb = "command.run",
                   binding = sh("echo $$ >" .. dir .. "/a; (sh -c 'echo $$ >" ..
                                dir .. "/b; sleep 60'; true) & sleep 60; :") }
    S.spew(dir .. "/start", "#!/bin/sh\n" ..
           S.command(dir, call):gsub("&& ARTIFACTS", "&& exec env ARTIFACTS"))
    local pid = S.start("sh " .. dir .. "/start", dir .. "/out")
    local a = S.eventually(function()
      return tonumber(S.slurp(dir .. "/a") or "")
    end, "the program")
    local b = S.eventually(function()
      return tonumber(S.slurp(dir .. "/b") or "")
    end, "its child")
    assert.is_true(S.alive(a) and S.alive(b))
    S.kill(pid, "TERM")
    S.eventually(function() return not S.alive(pid) end, "the driver to end")
    -- At once: the driver's own end says that all of them are gone.
    assert.is_false(S.alive(a))
    assert.is_false(S.alive(b))
  end)

  it("has no terminal and no open descriptors of its caller", function()
    local call = { driver = "command", verb = "command.run",
                   binding = sh "ls /proc/self/fd | tr '\\n' ' '" }
    local text = S.output(S.command(dir, call) .. " 7</dev/null 2>/dev/null")
    assert.truthy(text:find('"output":"0 1 2 3 "', 1, true), text) -- 3: ls's
  end)

  it("says that nothing was run when it could not start", function()
    local a = run({ argv = { "/nonexistent/program" } })
    assert.equal("not_found", a.outcome)
    assert.truthy(a.message:find "nothing was run$")
    S.spew(dir .. "/plain", "no program")
    a = run({ argv = { dir .. "/plain" } })
    assert.equal("retryable", a.outcome)
    assert.truthy(a.message:find "Permission denied; nothing was run$")
  end)

  it("goes on when its output cannot be kept", function()
    S.spew(dir .. "/run", "in the way")
    local a = run(sh "echo hello")
    assert.equal("ok", a.outcome)
    assert.truthy(S.slurp(dir .. "/progress"):find("output not kept", 1, true))
  end)

  it("believes its probe", function()
    local binding = sh "true"
    binding.probe = { "sh", "-c", "exit $1", "probe" }
    local function probe(status)
      return run(binding, { args = { tostring(status) } }, { probe = true })
    end
    assert.is_true(probe(0).value.applied)
    assert.is_false(probe(1).value.applied)
    assert.equal("unknown_outcome", probe(2).outcome)
    binding.probe = nil
    assert.equal("unknown_outcome", probe(0).outcome)
  end)
end)

describe("the command driver of deploy", function()
  local dir, binding

  -- A target that is a file with the live version; the release program
  -- writes it, and what it was given.
  before_each(function()
    dir = S.scratch()
    S.spew(dir .. "/live", "v1\n1111111111111111\n")
    binding = {
      release = { "sh", "-c", [[
        echo "$@" >>log
        [ ! -f broken ] || { echo cannot reach it; exit 1; }
        [ ! -f stuck ] || sleep 60
        [ -f deaf ] || echo "$1" >live]], "release", "{version}", "{key}" },
      current = { "cat", "live" },
      health = { "test", "!", "-e", "sick" },
      health_timeout = "1s",
    }
  end)
  after_each(function() S.remove(dir) end)

  local function call(verb, args, more)
    local c = { driver = "command", verb = "deploy." .. verb,
                binding = binding, args = args }
    for k, v in pairs(more or {}) do c[k] = v end
    return S.call(dir, c)
  end

  it("reads what is live from the target", function()
    local a = call "current"
    assert.same({ version = "v1", commit = "1111111111111111", healthy = true,
                  instances = { { name = "test", version = "v1",
                                  healthy = true } } }, a.value)
    S.spew(dir .. "/sick", "")
    assert.is_false(call("current").value.healthy)
    binding.health = nil
    assert.is_nil(call("current").value.healthy)
    S.spew(dir .. "/live", "")
    assert.equal("no_data", call("current").outcome)
    for _, text in ipairs { "v\xff", "\27[2J", ("x"):rep(400) } do
      S.spew(dir .. "/live", text .. "\n")
      assert.equal("rejected", call("current").outcome)
    end
  end)

  it("releases, with its key, and reads back", function()
    local a = call("release", { version = "v2", expect = "v1" })
    assert.equal("ok", a.outcome, a.message)
    assert.equal("v2", a.value.version)
    assert.is_true(a.value.healthy)
    assert.truthy(S.slurp(dir .. "/log"):find "^v2 0001020304%x+\n$")
  end)

  it("refuses when something else is live", function()
    local a = call("release", { version = "v2", expect = "v0" })
    assert.equal("conflict", a.outcome)
    assert.truthy(a.message:find("v1 is live, not v0", 1, true))
    assert.is_nil(S.slurp(dir .. "/log"))
    assert.equal("ok", call("release",
                            { version = "v2", expect = "11111111" }).outcome)
  end)

  for _, version in ipairs { "", "-rf", "../v1", "/etc", "a b", "a;b", "a\nb",
                             "$(x)" } do
    it(("refuses %q as a version"):format(version), function()
      local a = call("release", { version = version })
      assert.equal("rejected", a.outcome)
      assert.is_nil(S.slurp(dir .. "/log"))
    end)
  end

  it("says what is live after a release that failed", function()
    S.spew(dir .. "/broken", "")
    local a = call("release", { version = "v2" })
    assert.equal("rejected", a.outcome)
    assert.truthy(a.message:find(
      "exited with 1: cannot reach it; live is now v1", 1, true))
    assert.truthy(S.slurp(dir .. "/run/call-1.log"):find("cannot reach it", 1,
                                                         true))
  end)

  it("does not believe an exit status against the target", function()
    S.spew(dir .. "/deaf", "")
    local a = call("release", { version = "v2" })
    assert.equal("not_reached", a.outcome)
    assert.truthy(a.message:find("live is v1", 1, true))
  end)

  it("waits for health, and only so long", function()
    S.spew(dir .. "/sick", "")
    local pid = S.start(("sh -c 'until grep -q v2 %s/live; do sleep 0.05; " ..
                         "done; rm %s/sick'"):format(dir, dir))
    assert.equal("ok", call("release", { version = "v2", within = "20s" })
                         .outcome)
    S.eventually(function() return not S.alive(pid) end, "the helper")
    S.spew(dir .. "/sick", "")
    local a = call("release", { version = "v3" })
    assert.equal("not_reached", a.outcome)
    assert.truthy(a.message:find("v3 is live but not healthy in time", 1, true))
  end)

  it("leaves the outcome open when the release is killed", function()
    S.spew(dir .. "/stuck", "")
    binding.timeout = "300ms"
    local a = call("release", { version = "v2" })
    assert.equal("unknown_outcome", a.outcome)
    assert.truthy(a.message:find("live is now v1", 1, true))
  end)

  it("settles by what is live, and only for yes", function()
    local a = call("release", { version = "v1" }, { probe = true })
    assert.is_true(a.value.applied)
    assert.equal("v1", a.value.value.version)
    a = call("release", { version = "v2" }, { probe = true })
    assert.equal("unknown_outcome", a.outcome)
  end)

  it("settles by its probe when it has one", function()
    binding.probe = { "grep", "-qx", "{version}", "live" }
    assert.is_true(call("release", { version = "v1" }, { probe = true })
                     .value.applied)
    assert.is_false(call("release", { version = "v2" }, { probe = true })
                      .value.applied)
    os.remove(dir .. "/live")
    assert.equal("unknown_outcome",
                 call("release", { version = "v2" }, { probe = true }).outcome)
  end)
end)
