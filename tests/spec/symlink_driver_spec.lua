-- Release directories, links and restarts, with real instances behind them.
local S = require "tests.spec.support_deploy"
local lfs = require "lfs"

local instance = lfs.currentdir() .. "/tests/tools/instance.py"

describe("the symlink driver of deploy", function()
  local dir, binding, ports

  local commits = { v1 = ("1"):rep(40), v2 = ("2"):rep(40),
                    ["v2.1"] = ("3"):rep(40), bad = ("4"):rep(40) }

  local function release(name, files)
    local path = dir .. "/releases/" .. name
    assert(lfs.mkdir(path))
    S.spew(path .. "/REVISION", (commits[name] or ("5"):rep(40)) .. "\n")
    for _, file in ipairs(files or {}) do S.spew(path .. "/" .. file, "") end
  end

  local function link(name)
    return lfs.symlinkattributes(dir .. "/" .. name .. "/current", "target")
  end

  local function live(name)
    local target = link(name)
    return target and target:match "[^/]+$"
  end

  local function point(name, version)
    os.execute(("ln -sfn %s/releases/%s %s/%s/current"):format(dir, version,
                                                               dir, name))
  end

  local function restart(name)
    assert(os.execute(("%s/restart %s"):format(dir, name)))
  end

  local function call(verb, args, more)
    local c = { driver = "symlink", verb = "deploy." .. verb,
                binding = binding, args = args }
    for k, v in pairs(more or {}) do c[k] = v end
    return S.call(dir, c)
  end

  local function answers(name, version)
    local port = name == "blue" and ports[1] or ports[2]
    return S.output(("curl -s http://127.0.0.1:%d/plain"):format(port))
      :match "%S+" == version
  end

  --- Make the call, and kill its driver while the first restart hangs.
  local function cut_off(c)
    S.spew(dir .. "/hang", "")
    S.spew(dir .. "/start",
           (S.command(dir, c):gsub("&& ARTIFACTS", "&& exec env ARTIFACTS")))
    local pid = S.start("sh " .. dir .. "/start")
    S.eventually(function() return S.slurp(dir .. "/log") end, "the restart")
    assert.equal("v2", live "blue")
    S.kill(pid, "KILL")
    S.eventually(function() return not S.alive(pid) end, "the driver to end")
    os.remove(dir .. "/hang")
  end

  before_each(function()
    dir = S.scratch()
    ports = S.ports(2)
    lfs.mkdir(dir .. "/releases")
    release "v1"
    release "v2"
    release "v2.1"
    release("bad", { "sick" })
    -- Restarts count themselves in `log`; with a file `refuse` they fail,
    -- with `hang` they never end.
    S.spew(dir .. "/restart", ([[
#!/bin/sh
cd %s || exit 1
echo "restart $1" >>log
[ ! -f refuse ] || { echo no such unit >&2; exit 4; }
[ ! -f hang ] || exec sleep 60
[ ! -s $1/pid ] || kill -9 $(cat $1/pid) 2>/dev/null
cd -P $1/current || exit 1
/usr/bin/python3 %s $(cat ../../$1/port) >../../$1/log 2>&1 &
echo $! >../../$1/pid
]]):format(dir, instance))
    os.execute("chmod +x " .. dir .. "/restart")
    binding = { releases = "releases", instances = {},
                health_timeout = "5s" }
    for n, name in ipairs { "blue", "green" } do
      lfs.mkdir(dir .. "/" .. name)
      S.spew(dir .. "/" .. name .. "/port", tostring(ports[n]))
      point(name, "v1")
      restart(name)
      local url = "http://127.0.0.1:" .. ports[n]
      binding.instances[n] = { name = name, current = name .. "/current",
                               restart = { dir .. "/restart", "{instance}" },
                               health = url .. "/healthz",
                               version = url .. "/version" }
    end
    S.eventually(function()
      return answers("blue", "v1") and answers("green", "v1")
    end, "the instances")
    os.remove(dir .. "/log")
  end)

  after_each(function()
    for _, name in ipairs { "blue", "green" } do
      local pid = tonumber(S.slurp(dir .. "/" .. name .. "/pid") or "")
      if pid then S.stop(pid) end
    end
    S.remove(dir)
  end)

  it("reads the links and the instances themselves", function()
    local a = call "current"
    assert.equal("ok", a.outcome, a.message)
    assert.equal("v1", a.value.version)
    assert.equal(commits.v1, a.value.commit)
    assert.is_true(a.value.healthy)
    assert.truthy(math.abs(os.time() - a.value.since) < 60)
    assert.same({ { name = "blue", version = "v1", healthy = true },
                  { name = "green", version = "v1", healthy = true } },
                a.value.instances)
  end)

  it("gives no version when the instances differ", function()
    point("green", "v2")
    local a = call "current"
    assert.equal("partial", a.outcome)
    assert.truthy(a.message:find("blue points at v1, green points at v2 " ..
                                 "(still runs v1)", 1, true))
  end)

  it("does not take a link's word for what runs", function()
    point("blue", "v2")
    point("green", "v2")
    assert.equal("partial", call("current").outcome)
  end)

  it("says what is wrong with a link", function()
    os.execute("rm " .. dir .. "/blue/current " .. dir .. "/green/current")
    lfs.mkdir(dir .. "/green/current")
    local a = call "current"
    assert.truthy(a.message:find("blue points at no release (has no link", 1,
                                 true))
    assert.truthy(a.message:find("no symbolic link", 1, true))
    os.execute(("ln -s %s %s/blue/current"):format(dir, dir))
    a = call "current"
    assert.truthy(a.message:find("leads out of the releases", 1, true))
  end)

  it("calls an instance that is down not healthy", function()
    S.stop(tonumber(S.slurp(dir .. "/green/pid")))
    local a = call "current"
    assert.equal("ok", a.outcome)
    assert.is_false(a.value.healthy)
    assert.is_true(a.value.instances[1].healthy)
    assert.is_false(a.value.instances[2].healthy)
  end)

  it("releases one instance after the other", function()
    local a = call("release", { version = "v2", expect = "v1" })
    assert.equal("ok", a.outcome, a.message)
    assert.equal("v2", a.value.version)
    assert.is_true(a.value.healthy)
    assert.truthy(answers("blue", "v2") and answers("green", "v2"))
    assert.equal("restart blue\nrestart green\n", S.slurp(dir .. "/log"))
    local progress = S.slurp(dir .. "/progress")
    assert.truthy(progress:find("blue is healthy on v2.*green points at v2"))
    assert.equal("v2", call("current").value.version)
  end)

  for asked, version in pairs { v2 = "v2", ["2"] = "v2", ["2.1"] = "v2.1",
                                [("2"):rep(7)] = "v2",
                                [commits["v2.1"]] = "v2.1" } do
    it(("knows %s as %s"):format(asked, version), function()
      assert.equal(version, call("release", { version = asked }).value.version)
    end)
  end

  for _, asked in ipairs { "../v2", "v2/../v1", ".", "..", "", "/etc" } do
    it(("refuses %q as a version"):format(asked), function()
      local a = call("release", { version = asked })
      assert.equal("rejected", a.outcome)
      assert.equal("v1", live "blue")
    end)
  end

  it("names near releases, and those of an ambiguous commit", function()
    local a = call("release", { version = "v2.2" })
    assert.equal("not_found", a.outcome)
    assert.truthy(a.message:find("near: v2.1, ", 1, true) or
                  a.message:find("near: v2, ", 1, true))
    release "again"
    release "once-more"
    a = call("release", { version = ("5"):rep(12) })
    assert.equal("not_found", a.outcome)
    assert.truthy(a.message:find("several releases: ", 1, true))
    assert.equal("not_found", call("release", { version = "222222" }).outcome)
  end)

  it("does not take a link among the releases for one", function()
    os.execute(("ln -s /etc %s/releases/sneaky"):format(dir))
    assert.equal("not_found", call("release", { version = "sneaky" }).outcome)
  end)

  it("passes over a directory whose name is no text", function()
    release "v\xff"
    local a = call("release", { version = ("5"):rep(12) })
    assert.equal("not_found", a.outcome)
    point("blue", "v\xff")
    assert.equal("partial", call("current").outcome)
  end)

  it("refuses a release that is not complete", function()
    os.remove(dir .. "/releases/v2/REVISION")
    local a = call("release", { version = "v2" })
    assert.equal("rejected", a.outcome)
    assert.truthy(a.message:find("v2 is not complete", 1, true))
    assert.equal("v1", live "blue")
  end)

  it("refuses when something else is live", function()
    local a = call("release", { version = "v2", expect = "v2.1" })
    assert.equal("conflict", a.outcome)
    assert.truthy(a.message:find("nothing was changed; blue points at v1", 1,
                                 true))
    point("green", "v2")
    assert.equal("conflict",
                 call("release", { version = "v2", expect = "v1" }).outcome)
    assert.equal("v1", live "blue")
    assert.is_nil(S.slurp(dir .. "/log"))
  end)

  it("stops at the first instance that does not become healthy", function()
    local a = call("release", { version = "bad", within = "1s" })
    assert.equal("not_reached", a.outcome)
    assert.truthy(a.message:find("blue answers 503 where its health is asked",
                                 1, true))
    assert.truthy(a.message:find("blue points at bad, green points at v1", 1,
                                 true))
    assert.equal("v1", live "green")
    assert.truthy(answers("green", "v1"))
    assert.equal("restart blue\n", S.slurp(dir .. "/log"))
  end)

  it("sees health that does not last", function()
    release("frail", { "weak" })
    binding.health_holds = "800ms"
    local a = call("release", { version = "frail", within = "2s" })
    assert.equal("not_reached", a.outcome)
    assert.equal("v1", live "green")
  end)

  it("stops at a restart that fails, and tells its last words", function()
    S.spew(dir .. "/refuse", "")
    local a = call("release", { version = "v2" })
    assert.equal("not_reached", a.outcome)
    assert.truthy(a.message:find("blue restart exited with 4: no such unit", 1,
                                 true))
    assert.equal("v1", live "green")
    assert.truthy(S.slurp(dir .. "/run/call-1.log"):find("no such unit", 1,
                                                         true))
  end)

  it("does nothing where it has been done", function()
    assert.equal("ok", call("release", { version = "v1" }).outcome)
    assert.is_nil(S.slurp(dir .. "/log"))
  end)

  it("restarts what has the link but runs something else", function()
    point("blue", "v2")
    local a = call("release", { version = "v2" })
    assert.equal("ok", a.outcome)
    assert.equal("restart blue\nrestart green\n", S.slurp(dir .. "/log"))
  end)

  it("goes on where it was killed, and only there", function()
    local c = { driver = "symlink", verb = "deploy.release",
                binding = binding, args = { version = "v2", expect = "v1" } }
    cut_off(c)

    c.probe = true
    local half = S.call(dir, c).value
    assert.is_false(half.applied)
    assert.truthy(half.partly:find("blue points at v2", 1, true))
    assert.truthy(half.partly:find("green points at v1", 1, true))
    -- Somebody else's release in between is not overwritten.
    c.probe = nil
    point("green", "v2.1")
    assert.equal("conflict", S.call(dir, c).outcome)
    assert.equal("v2.1", live "green")
    point("green", "v1")
    -- A call with another key expects v1 everywhere, and finds v2.
    c.probe, c.key = nil, ("f"):rep(64)
    assert.equal("conflict", S.call(dir, c).outcome)
    c.key = nil
    local a = S.call(dir, c)
    assert.equal("ok", a.outcome, a.message)
    assert.truthy(answers("blue", "v2") and answers("green", "v2"))
    c.probe = true
    a = S.call(dir, c)
    assert.is_true(a.value.applied)
    assert.equal("v2", a.value.value.version)
    assert.equal("restart blue\nrestart blue\nrestart green\n",
                 S.slurp(dir .. "/log"))
  end)

  it("does not say that nothing happened where it went on and failed",
     function()
    local c = { driver = "symlink", verb = "deploy.release",
                binding = binding, args = { version = "v2" } }
    cut_off(c)
    restart "blue"
    S.eventually(function() return answers("blue", "v2") end, "blue")
    lfs.mkdir(dir .. "/green/current.rbrun")
    local a = S.call(dir, c)
    assert.equal("not_reached", a.outcome)
    assert.truthy(a.message:find("blue points at v2", 1, true))
  end)

  it("says that nothing happened before the first link", function()
    local a = call("release", { version = "v2" }, { probe = true })
    assert.same({ applied = false }, a.value)
  end)

  it("without a version address trusts its own notes only", function()
    for _, i in ipairs(binding.instances) do i.version = nil end
    point("blue", "v2")
    point("green", "v2")
    local a = call("release", { version = "v2" }, { probe = true })
    assert.is_false(a.value.applied)
    assert.equal("ok", call("release", { version = "v2" }).outcome)
    a = call("release", { version = "v2" }, { probe = true })
    assert.is_true(a.value.applied)
    assert.equal("restart blue\nrestart green\n", S.slurp(dir .. "/log"))
  end)

  it("changes nothing when a link cannot be written", function()
    -- A directory in the way of the new link is what a full disk is to it.
    lfs.mkdir(dir .. "/blue/current.rbrun")
    local a = call("release", { version = "v2" })
    assert.equal("retryable", a.outcome)
    assert.truthy(a.message:find("nothing was changed", 1, true))
    assert.equal("v1", live "blue")
    assert.is_nil(S.slurp(dir .. "/log"))
  end)
end)
