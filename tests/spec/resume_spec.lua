-- A run that is gone on with, or replayed: a refusal leaves it as it was and
-- comes out the same in a replay, and what is said of production is true.

local C = require "tests.spec.support_cli"

local HEADER = [[
runbook { service = "shop", summary = "t", uses = { "*" } }
]]

local BOOK = HEADER .. [[
function run()
  undo("put it back", function() deploy.release { version = "v2" } end)
  deploy.release { version = "v1" }
  wait "1ms"
  log "behind the wait"
end
]]

local GRANTED = { "deploy.release *", "wait.sleep", "metric.query *" }

local function environment(name, grants)
  C.write("runbooks/environments/" .. name .. ".lua", ([[
return { name = "lab",
%s  grants = { ["book.lua"] = { "%s" } } }
]]):format(C.BINDINGS, table.concat(grants, '", "')))
end

local function book(text)
  C.write("runbooks/book.lua", text)
end

local function directory()
  return "state/runs/" .. C.runs()[1]
end

--- Take the run's end away, behind the first record that holds these texts:
--- what a killed engine leaves.
local function cut(...)
  local kept = {}
  for line in C.journal():gmatch "[^\n]+\n" do
    kept[#kept + 1] = line
    local all = true
    for _, text in ipairs { ... } do
      all = all and line:find(text, 1, true)
    end
    if all then
      C.write(directory() .. "/journal.ndjson", table.concat(kept))
      C.sh("rm -f %s/sealed", directory())
      return
    end
  end
  error("no record with " .. table.concat({ ... }, ", "))
end

local function has(said, text)
  assert(said.all:find(text, 1, true), ("no %q in:\n%s"):format(text, said.all))
end

local function lacks(said, text)
  assert(not said.all:find(text, 1, true), ("%q in:\n%s"):format(text,
    said.all))
end

local function run(status)
  local said = C.run "run runbooks/book.lua -e lab --yes"
  assert.equal(status, said.status, said.all)
  return said
end

describe("a run that is gone on with", function()
  before_each(function()
    C.open()
    environment("lab", GRANTED)
    book(BOOK)
  end)

  after_each(function()
    C.close()
  end)

  it("has the grants of its own name, whatever the file's", function()
    run(0)
    cut('"kind":"intent"', '"wait.sleep"')
    C.write("copy.lua", BOOK)
    local said = C.run "resume last --program copy.lua"
    assert.equal(0, said.status, said.all)
    said = C.run "replay last"
    assert.equal(0, said.status, said.all)
  end)

  it("has them in the process after that, too", function()
    run(0)
    cut('"kind":"intent"', '"wait.sleep"')
    C.write("copy.lua", BOOK)
    assert.equal(0, C.run("resume last --program copy.lua").status)
    cut('"what":"resumed"')
    local said = C.run "resume last"
    assert.equal(0, said.status, said.all)
  end)

  it("is as it was when what an edited program uses is not granted", function()
    book((BOOK:gsub('"%*"', '"deploy.release", "wait.sleep"')))
    run(0)
    cut('"kind":"intent"', '"wait.sleep"')
    local before = C.journal()
    C.write("more.lua", (BOOK:gsub('"%*"', '"*", "flag.get"')))
    local said = C.run "resume last --program more.lua"
    assert.equal(7, said.status, said.all)
    has(said, "book.lua uses what is not granted to it")
    has(said, "1 write to production stands\n")
    has(said, "--environment lab --program ")
    assert.equal(before, C.journal())
    assert.falsy(C.read(directory() .. "/sealed"))
  end)

  it("is as it was, and goes on without the edited program", function()
    book((BOOK:gsub("uses = { .- }", "uses = { 'deploy.*', 'wait.*' }")))
    run(0)
    cut('"kind":"intent"', '"wait.sleep"')
    local before = C.journal()
    C.write("edited.lua", (BOOK:gsub("  log", '  notify.send { '
      .. 'channel = "chat", text = "t" } log'):gsub("uses = { .- }",
      "uses = { 'deploy.*', 'wait.*', 'notify.send' }")))
    local said = C.run "resume last --program edited.lua"
    has(said, "nothing was done now")
    assert.equal(before, C.journal())
    said = C.run "resume last"
    assert.equal(0, said.status, said.all)
  end)

  it("is not ended by a refusal of its first call", function()
    environment("lab", { "deploy.release *", "wait.sleep", "notify.send *" })
    book((BOOK:gsub("  wait", '  notify.send { channel = "chat", '
      .. 'text = "t" } wait')))
    run(0)
    cut('"kind":"result"', '"version":"v1"')
    local before = C.journal()
    C.write("runbooks/environments/less.lua", (C.read(
      "runbooks/environments/lab.lua"):gsub('notify.send %*', "notify.send c*")
      :gsub("chat =", "chat = { driver = 'memory' }, other =")))
    -- granted on something, so that only the call itself is refused
    C.write("edited.lua", (C.read "runbooks/book.lua":gsub('"chat"',
      '"other"')))
    local said = C.run "resume last -e less --program edited.lua"
    assert.equal(7, said.status, said.all)
    has(said, "notify.send on other is not granted to book.lua")
    has(said, "rbrun resume " .. C.runs()[1] .. " --environment lab --program")
    assert.equal(before, C.journal())
    assert.falsy(C.read(directory() .. "/sealed"))
    said = C.run "resume last"
    assert.equal(0, said.status, said.all)
  end)

  it("says that an edited program failed by itself", function()
    run(0)
    cut('"kind":"intent"', '"wait.sleep"')
    C.write("edited.lua", (BOOK:gsub("  wait", "  lgo 'x' wait")))
    local said = C.run "resume last --program edited.lua"
    assert.equal(7, said.status, said.all)
    has(said, "the runbook failed before this call, and undoes what it did")
    has(said, "rbrun check edited.lua")
    has(C.run "check edited.lua", "edited.lua:5: ")
    assert.falsy(C.read(directory() .. "/sealed"))
  end)

  it("takes its environment from the journal, as its help says", function()
    has(C.run "resume --help", "copy in the run's journal")
    lacks(C.run "resume --help", "RBRUN_ENVIRONMENT")
    has(C.run "plan --help", "default $RBRUN_ENVIRONMENT")
    run(0)
    cut('"kind":"intent"', '"wait.sleep"')
    local said = C.run("resume last", "RBRUN_ENVIRONMENT=nowhere")
    assert.equal(0, said.status, said.all)
  end)

  it("is not called untouched while another holds the lock", function()
    run(0)
    cut('"kind":"intent"', '"wait.sleep"')
    C.write("go.sh", C.command "resume last" .. "\n")
    local said = { all = C.sh("flock state/locks/* sh go.sh 2>&1") }
    has(said, "nothing was done now; whoever holds the lock goes on")
    lacks(said, "untouched")
    said = C.run "resume last"
    assert.equal(0, said.status, said.all)
  end)

  it("says how a run has ended that it cannot resume", function()
    run(0)
    local said = C.run "resume last"
    assert.equal(2, said.status, said.all)
    has(said, "has ended (exit 0: goal reached, or nothing to do)")
    lacks(said, "untouched")
    C.sh "rm -rf state"
    book((BOOK:gsub("  undo[^\n]+", ""):gsub("  wait", "  error 'no' wait")))
    said = C.run("run runbooks/book.lua -e lab --yes"
      .. C.agreed "runbooks/book.lua -e lab")
    assert.equal(7, said.status, said.all)
    said = C.run "resume last"
    assert.equal(2, said.status, said.all)
    has(said, "has ended (exit 7: failed part-way: a person is needed)")
    lacks(said, "untouched")
    said = C.run "resume last --json"
    assert.equal(2, said.status, said.all)
    lacks(said, "untouched")
  end)
end)

describe("a run that a refused call ended", function()
  setup(function()
    C.open()
  end)

  teardown(function()
    C.close()
  end)

  -- Behind the metric the plan sees nothing.
  local ROWS = {
    { "a message behind a write", [[
  notify.send { channel = "chat", text = "t" }]] },
    { "a message beside a write that is under way", [[
  parallel {
    a = function() deploy.release { version = "v2" } end,
    b = function() notify.send { channel = "chat", text = "t" } end,
    c = function() wait "1ms" end,
  }]] },
    { "a write while others wait", [[
  parallel {
    a = function() wait "1h" end,
    b = function() flag.set { flag = "new", on = false } end,
  }]] },
    { "a message in an undo step", [[
  undo("tell", function() notify.send { channel = "chat", text = "t" } end)
  error "no"]] },
  }

  for _, row in ipairs(ROWS) do
    it("comes out the same in a replay: " .. row[1], function()
      C.sh "rm -rf state world.json"
      environment("lab", GRANTED)
      book(HEADER .. [[
function run()
  deploy.release { version = "v1" }
  metric.query { expr = "errors" }
]] .. row[2] .. "\nend\n")
      local said = C.run("run runbooks/book.lua -e lab --yes")
      assert.equal(7, said.status, said.all)
      local journal = C.journal()
      assert.truthy(journal:find('"refused":', 1, true), journal)
      local asked = {}
      for line in journal:gmatch "[^\n]+" do
        local call = line:match '"call":(%d+)'
        if line:find('"kind":"intent"', 1, true) then
          asked[call] = true
        end
        assert(not line:find('"kind":"result"', 1, true) or asked[call], line)
      end
      lacks(C.run "show last", "?  =>")
      said = C.run "replay last"
      assert.equal(0, said.status, said.all)
      has(said, "exit 7")
    end)
  end
end)

describe("a stored program that was changed", function()
  local stored

  before_each(function()
    C.open()
    environment("lab", GRANTED)
    book(BOOK)
    run(0)
    stored = C.sh("ls -d %s/program/*.lua", directory()):gsub("\n", "")
  end)

  after_each(function()
    C.close()
  end)

  local function change()
    C.sh("chmod u+w %s && echo '-- more' >>%s", stored, stored)
  end

  it("is found by verify, which names the file", function()
    assert.equal(0, C.run("verify").status)
    change()
    for _, arguments in ipairs { "verify last", "verify", "verify --json" } do
      local said = C.run(arguments)
      assert.equal(2, said.status, said.all)
      has(said, stored .. " differs from its hash in the journal")
      lacks(said, '"whole":true')
    end
    C.sh("rm %s", stored)
    local said = C.run "verify last"
    assert.equal(2, said.status, said.all)
    has(said, stored)
  end)

  it("is found by verify when a resume has put it there", function()
    cut('"kind":"intent"', '"wait.sleep"')
    C.write("copy.lua", BOOK .. "-- edited\n")
    assert.equal(0, C.run("resume last --program copy.lua").status)
    assert.equal(0, C.run("verify").status)
    stored = C.sh("grep -l edited %s/program/*.lua", directory())
      :gsub("\n", "")
    change()
    local said = C.run "verify"
    assert.equal(2, said.status, said.all)
    has(said, stored .. " differs from its hash in the journal")
  end)

  it("is not resumed or replayed, and what stands is said", function()
    change()
    local said = C.run "replay last"
    assert.equal(2, said.status, said.all)
    has(said, "differs from its hash in the journal")
    has(said, "(exit 0: goal reached, or nothing to do); nothing was done now")
    lacks(said, "untouched")
    cut('"kind":"intent"', '"wait.sleep"')
    for _, arguments in ipairs { "replay last", "resume last" } do
      said = C.run(arguments)
      assert.equal(7, said.status, said.all)
      has(said, "1 write to production stands\n")
      lacks(said, "untouched")
      has(said, "; rbrun verify " .. C.runs()[1])
    end
  end)
end)
