-- The commands: a plan foresees exactly the writes that the run then does;
-- every command's --json is NDJSON; each way to end has its exit status.

local cli = require "tests.spec.support_cli"

local RUN = "run runbooks/book.lua --yes"

before_each(function()
  cli.open()
  cli.environment()
end)
after_each(cli.close)

-- Writes as jq prints them, one a line, in the order of their text.
local WRITE = [[{ verb, system, args: (.args | del(.note)) } | tojson]]

local function sorted(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    list[#list + 1] = line
  end
  table.sort(list)
  return list
end

local function foreseen()
  local result = cli.run "plan runbooks/book.lua --json"
  assert.equal(0, result.status, result.all)
  return sorted(cli.jq(result.out, [[select(.event == "plan") | .foreseen[] |
    ]] .. WRITE))
end

local function done(undoing)
  return sorted(cli.jq(cli.journal(), ([[select(.kind == "intent" and
    .effect == "write" and .request.undoing == %s) |
    { verb: .request.verb, system, args: .request.args } | ]])
    :format(tostring(undoing)) .. WRITE))
end

-- Plan, run, compare; the exit status has to be this one.
local function as_planned(body, status)
  cli.book(body)
  local plan = foreseen()
  assert.is_nil(cli.read "world.json", "the plan changed something")
  assert.same({}, cli.runs())
  local result = cli.run(RUN)
  assert.equal(status or 0, result.status, result.all)
  return plan, done(false), done(true)
end

describe("a plan foresees exactly the writes of the run", function()
  it("with one write", function()
    local plan, writes = as_planned "deploy.release { version = 'v1' }"
    assert.equal(1, #plan)
    assert.same(plan, writes)
  end)

  it("with none", function()
    local plan, writes = as_planned "metric.query { expr = 'errors' }"
    assert.same({}, plan)
    assert.same({}, writes)
  end)

  it("with a branch taken on what is live", function()
    local plan, writes = as_planned [[
      if deploy.current {}.version == "v2" then
        deploy.release { version = "v1", expect = "v2" }
      else
        flag.set { flag = "new", on = false }
      end]]
    assert.equal(1, #plan)
    assert.same(plan, writes)
  end)

  it("with a read of what was written before", function()
    local plan, writes = as_planned [[
      flag.set { flag = "new", on = false }
      if flag.get { flag = "new" }.on then
        deploy.release { version = "v2" }
      else
        deploy.release { version = "v1" }
      end]]
    assert.equal(2, #plan)
    assert.same(plan, writes)
  end)

  it("with parallel writes", function()
    local plan, writes = as_planned [[
      parallel {
        function() flag.set { flag = "new", on = false } end,
        function() deploy.release { version = "v1" } end,
      }]]
    assert.equal(2, #plan)
    assert.same(plan, writes)
  end)

  it("with an undo step that is not needed", function()
    local plan, writes, undone = as_planned [[
      local live = deploy.current {}
      undo("back", function()
        deploy.release { version = live.version }
      end)
      deploy.release { version = "v1" }]]
    assert.equal(1, #plan)
    assert.same(plan, writes)
    assert.same({}, undone)
  end)

  it("with a fork, where the good way is gone", function()
    cli.environment((cli.BINDINGS:gsub("errors = 0.2", "errors = 0.01")))
    local plan, writes = as_planned [[
      deploy.release { version = "v1" }
      local ok = metric.await { expr = "errors", below = 0.02,
        within = "1s" }
      if not ok then flag.set { flag = "new", on = false } end]]
    assert.equal(2, #plan)
    assert.same({ plan[1] }, writes)
  end)

  it("with a fork, where the other way is gone", function()
    local plan, writes = as_planned [[
      deploy.release { version = "v1" }
      local ok = metric.await { expr = "errors", below = 0.02,
        within = "1s" }
      if not ok then flag.set { flag = "new", on = false } end]]
    assert.equal(2, #plan)
    assert.same(plan, writes)
  end)

  it("and shows both ways at a fork", function()
    cli.book [[
      deploy.release { version = "v1" }
      if not metric.await { expr = "errors", below = 0.02, within = "1s" } then
        deploy.release { version = "v2" }
        finish { as = "escalated", because = "no good" }
      end]]
    local out = cli.run "plan runbooks/book.lua".out
    assert.truthy(out:match "2%. check   metric.await[^\n]*known after apply",
      out)
    assert.truthy(out:match("if not:\n%s+1%. CHANGE  deploy.release shop %-> v2"
      .. "\n%s+ends: escalated, no good\n"), out)
    assert.truthy(out:find("ends: recovered", 1, true), out)
  end)

  it("and says where its sight ends", function()
    cli.book [[
      deploy.release { version = "v1" }
      local now = metric.query { expr = "errors" }
      if now.value > 0.1 then deploy.release { version = "v2" } end]]
    local result = cli.run "plan runbooks/book.lua"
    assert.equal(0, result.status, result.all)
    assert.truthy(result.out:find("The plan sees no further than book.lua:4",
      1, true), result.out)
    assert.is_nil(result.out:find("v2", 1, true))
  end)

  it("has an id that stands for program, inputs and writes", function()
    cli.book "deploy.release { version = input.to }"
    local function id(arguments)
      return cli.jq(cli.run("plan runbooks/book.lua --json" ..
        (arguments or "")).out, "select(.event == \"plan\").id")
    end
    local one = id()
    assert.truthy(one:match "^%x+$")
    assert.equal(one, id())
    assert.are_not.equal(one, id " --input to=v2")
    local result = cli.run(RUN .. " --plan " .. one)
    assert.equal(0, result.status, result.all)
    result = cli.run(RUN .. " --input to=v2 --plan " .. one)
    assert.equal(6, result.status, result.all)
  end)
end)

describe("a write that the plan did not foresee", function()
  -- A command changes the world between the plan and the second half.
  local function book(first)
    cli.environment(cli.BINDINGS .. [[command = { change = {
      driver = "command", argv = { "/bin/echo", "v9" } } },
    ]])
    cli.book(first .. [[

      if command.run {}.output:find "v9" then
        flag.set { flag = "new", on = false }
      end]])
  end

  it("is not done without a person: exit 4 after a change", function()
    book "deploy.release { version = 'v1' }"
    local result = cli.run(RUN)
    assert.equal(4, result.status, result.all)
    assert.truthy(result.err:find("flag.set", 1, true), result.err)
    assert.is_nil(cli.read "world.json":find("\"new\": false", 1, true))
    local state = cli.run "status"
    assert.truthy(state.out:find("waiting", 1, true), state.all)
    assert.truthy(state.out:match "next: rbrun resume", state.all)
    -- Nor by a resume that has nobody to ask.
    assert.equal(4, cli.run "resume last".status)
    assert.is_nil(cli.read "world.json":find("\"new\": false", 1, true))
  end)
end)

describe("a run that ends", function()
  local function ends(status, body, ...)
    cli.book(body)
    local result = cli.run(RUN .. cli.agreed "runbooks/book.lua")
    assert.equal(status, result.status, result.all)
    for _, text in ipairs { ... } do
      assert.truthy(result.all:find(text, 1, true), result.all)
    end
    local shown = cli.run "show last"
    assert.truthy(shown.out:find("ended: exit " .. status, 1, true), shown.all)
    assert.equal(0, cli.run "verify".status)
    local replayed = cli.run "replay last"
    assert.equal(0, replayed.status, replayed.all)
    return result
  end

  it("recovered has 0", function()
    ends(0, "deploy.release { version = 'v1' } finish { as = 'recovered', " ..
      "because = 'v1 is good' }", "recovered: v1 is good")
  end)

  it("with nothing to do has 0", function()
    ends(0, "finish { as = 'nothing', because = 'fine' }", "nothing: fine")
  end)

  it("without a word has 0", function()
    ends(0, "log 'x'")
  end)

  it("at a gate has 5", function()
    ends(5, "finish { as = 'gate', because = 'no data' }", "gate: no data")
  end)

  it("escalated has 9", function()
    ends(9, "finish { as = 'escalated', because = 'help' }",
      "escalated: help")
  end)

  it("failed and undone has 1", function()
    ends(1, [[
      undo("back", function() deploy.release { version = "v2" } end)
      deploy.release { version = "v1" }
      error("it broke")]], "it broke", "undo: deploy.release shop -> v2",
      "undo: 1 step ran, 0 failed", "production is as before")
    assert.truthy(cli.read "world.json":find('"version": "v2"', 1, true))
  end)

  it("failed with a write that nothing undoes has 7", function()
    ends(7, "deploy.release { version = 'v1' } error('it broke')",
      "it broke", "1 write made, 1 without an undo step", "person is needed")
  end)

  it("failed with an undo step that fails has 7", function()
    ends(7, [[
      undo("back", function() deploy.release { version = "v0" } end)
      deploy.release { version = "v1" }
      error("it broke")]], "0 steps ran, 1 failed", "person is needed",
      'undo step 1 failed: back: book.lua:3: deploy.release: not_found')
  end)

  it("failed with steps that raise names them, where they are shown", function()
    ends(7, [[
      on_failure("ping", function() error("no ping") end)
      undo("back", function() local x = input.no.no end)
      deploy.release { version = "v1" }
      error("it broke")]], "undo step 2 failed: back: book.lua:4: ",
      "on_failure 1 failed: ping: book.lua:3: no ping")
    local shown = cli.run("show last").out
    assert.truthy(shown:find("undo step 2 failed: back: book.lua:4: ", 1, true),
      shown)
    assert.truthy(shown:find("on_failure 1 failed: ping: book.lua:3: no ping",
      1, true), shown)
  end)

  local STANDS = "this write stands: deploy.release shop -> v1 (call 1)"

  it("by a limit behind a covered write says that it stands", function()
    cli.environment(nil, "limits = { calls = 5 },\n")
    local result = ends(7, [[
      undo("back", function() deploy.release { version = "v2" } end)
      deploy.release { version = "v1" }
      metric.query { expr = "errors" }
      while true do clock.now() end]], "no undo step ran: the runbook's "
      .. "process was ended; " .. STANDS, "put a wait into it")
    assert.truthy(result.out:find("\nnext: rbrun show ", 1, true), result.out)
    local shown = cli.run("show last").out
    local _, told = shown:gsub("ended by the limit", "")
    assert.equal(1, told, shown)
    assert.truthy(shown:find("no undo step ran", 1, true), shown)
  end)

  it("at a gate, or declined, behind a write has 7", function()
    ends(7, [[deploy.release { version = "v1" }
      finish { as = "gate", because = "no data" }]], STANDS,
      "person is needed; it ended as gate: no data")
    cli.environment()
    ends(7, [[deploy.release { version = "v2" }
      finish { as = "declined", because = "no" }]],
      "no undo step runs behind finish; this write stands",
      "person is needed; it ended as declined: no")
  end)

  it("failed with an undo step for the first of two writes has 7", function()
    ends(7, [[
      undo("back", function() deploy.release { version = "v2" } end)
      deploy.release { version = "v1" }
      flag.set { flag = "new", on = false }
      error("it broke")]], "2 writes made, 1 without an undo step")
  end)
end)

describe("--json", function()
  local BODY = [[
    log("hello")
    undo("back", function() deploy.release { version = "v2" } end)
    step("one", function() deploy.release { version = "v1" } end)
    notify.send { text = "told" }
    finish { as = "recovered", because = "v1" }]]

  -- Every line is an object, and nothing else is said.
  local function events(arguments, status, key)
    local result = cli.run(arguments)
    assert.equal(status, result.status, result.all)
    assert.equal("", result.err)
    local kinds = {}
    local list = cli.jq(result.out, "." .. (key or "event"))
    for kind in list:gmatch "[^\n]+" do
      kinds[kind] = (kinds[kind] or 0) + 1
    end
    local _, lines = result.out:gsub("\n", "")
    local _, values = (list .. "\n"):gsub("\n", "")
    assert.equal(lines, values)
    return kinds, result.out
  end

  it("of run holds the plan, each call, the end", function()
    cli.book(BODY)
    local kinds, out = events(RUN .. " --json", 0)
    assert.equal(1, kinds.plan)
    assert.equal(1, kinds.run)
    assert.equal(1, kinds["end"])
    assert.is_true(kinds.call >= 2 and kinds.answer >= 2)
    assert.equal("0 recovered", cli.jq(out, [[select(.event == "end") |
      "\(.exit) \(.result.as)"]]))
  end)

  it("of plan, show, status, history, verify, check, doctor, replay and " ..
    "export is NDJSON", function()
    cli.book(BODY)
    assert.equal(0, cli.run(RUN).status)
    assert.equal(1, events("plan runbooks/book.lua --json", 0).plan)
    assert.equal(1, events("show last --json", 0, "kind").ended)
    assert.equal(1, events("status last --json", 0).state)
    assert.equal(1, events("history --json", 0).state)
    assert.equal(1, events("verify --json", 0).verify)
    assert.is_true(events("doctor --json -e lab",
      cli.sanitized and 2 or 0).finding > 5)
    assert.is_true(events("replay last --json", 0).answer > 0)
    assert.equal(1, events("export last", 0, "kind").source)
    local result = cli.run "check runbooks/book.lua --json"
    assert.equal(0, result.status, result.all)
    cli.jq(result.out, ".event")
  end)

  it("of a refusal is NDJSON, too", function()
    cli.book "deploy.relase {}"
    for arguments, status in pairs {
      [RUN .. " --json"] = 2, ["plan runbooks/book.lua --json"] = 2,
      ["check runbooks/book.lua --json"] = 2,
      ["run runbooks/none.lua --json"] = 2,
      ["resume none --json"] = 2, ["replay none --json"] = 2,
      ["run runbooks/book.lua --json"] = 2,
    } do
      local _, out = events(arguments, status)
      assert.truthy(#out > 0, arguments)
    end
  end)
end)

describe("a run that has ended", function()
  it("is told, listed, checked, exported and replayed", function()
    cli.book [[
      log("so it begins")
      step("go back", function()
        undo("again", function() deploy.release { version = "v2" } end)
        deploy.release { version = input.to, expect = "v2" }
      end)
      finish { as = "recovered", because = "v1 is live" }]]
    assert.equal(0, cli.run(RUN).status)
    local id = cli.runs()[1]
    local shown = cli.run("show " .. id).out
    for _, text in ipairs { "book.lua in lab, with to=v1", "approved by",
      "so it begins", "undo step: again", "1 write",
      "1. deploy.release shop -> v1, expect v2  =>  v1 is live",
      "[go back, book.lua:6]", "ended: exit 0", "recovered, v1 is live",
      "run " .. id .. " is ended" } do
      assert.truthy(shown:find(text, 1, true), text .. " in\n" .. shown)
    end
    local listed = cli.run "history".out
    assert.truthy(listed:match("^" .. id:gsub("%-", "%%-") ..
      "  %d+%-%d+%-%d+ [%d:]+  ended        shop in lab, " ..
      "exit 0 after %d+ms: recovered, v1 is live\n$"), listed)
    assert.equal("", cli.run "status".out)
    assert.truthy(cli.run "verify".out:find("whole: ", 1, true))
    assert.truthy(cli.run("replay " .. id:sub(-4)).out
      :find("1 calls, the same requests", 1, true))
    assert.equal(cli.read "runbooks/book.lua", cli.jq(cli.run("export " ..
      id).out, "select(.kind == \"source\").text"))
  end)

  it("comes last in the history", function()
    cli.book "finish { as = 'nothing', because = input.to }"
    for i = 1, 8 do
      assert.equal(0, cli.run(RUN .. " --input to=n" .. i).status)
    end
    local order = {}
    for text in cli.run "history".out:gmatch "nothing, (n%d)" do
      order[#order + 1] = text
    end
    assert.same({ "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8" }, order)
  end)
end)

describe("check", function()
  local function finds(body, ...)
    cli.book("\n" .. body)
    local result = cli.run "check runbooks/book.lua"
    assert.equal(2, result.status, result.all)
    for _, text in ipairs { ... } do
      assert.truthy(result.all:find(text, 1, true), result.all)
    end
  end

  it("finds an unknown global in a branch that no plan takes", function()
    finds("if input.to == 'never' then deplyo.release {} end",
      "book.lua:4", "deplyo", "did you mean deploy.release?")
  end)

  it("finds an unknown verb of a known noun", function()
    finds("if input.to == 'never' then deploy.relase {} end",
      "book.lua:4", "deploy.relase", "did you mean release?")
  end)

  it("finds nothing in a good file", function()
    cli.book "deploy.release { version = input.to }"
    local result = cli.run "check runbooks/book.lua"
    assert.equal(0, result.status, result.all)
    assert.truthy(result.out:find("no mistakes found, granted in lab", 1,
      true), result.all)
  end)

  it("does not want the inputs of an incident", function()
    cli.book("log(input.n)", (cli.HEADER:gsub('to = "text=v1"',
      'n = "number"')))
    local result = cli.run "check runbooks/book.lua"
    assert.equal(0, result.status, result.all)
  end)
end)

describe("doctor", function()
  it("names the binding that is broken, and the others as well", function()
    cli.environment(cli.BINDINGS .. [[
      git = { api = { driver = "libgit2", pth = "x" } },
      http = { api = { driver = "http", url = "env:RB_NO_SUCH" } },
    ]])
    local result = cli.run "doctor -e lab"
    assert.equal(2, result.status, result.all)
    assert.truthy(result.out:match "BAD  git.api[^\n]+\"pth\"[^\n]+\"path\"",
      result.out)
    assert.truthy(result.out:match "BAD  http.api[^\n]+env:RB_NO_SUCH",
      result.out)
    assert.truthy(result.out:match "ok   deploy.shop", result.out)
    assert.truthy(result.out:match((cli.sanitized and 3 or 2)
      .. " findings are bad\n$"), result.out)
  end)

  it("is content with a good environment", function()
    local result = cli.run "doctor -e lab"
    if cli.sanitized then
      assert.truthy(result.out:match "\n1 finding is bad\n$", result.out)
      return assert.truthy(result.out:find("BAD  jail", 1, true), result.out)
    end
    assert.equal(0, result.status, result.all)
    assert.truthy(result.out:match "all well\n$", result.out)
    assert.is_nil(result.out:find("BAD", 1, true))
  end)
end)

describe("help", function()
  it("knows every command and every verb that it lists", function()
    local all = cli.run "help"
    assert.equal(0, all.status)
    local count = 0
    for name in all.out:gmatch "\n  ([%l_.]+)  " do
      local one = cli.run("help " .. name)
      assert.equal(0, one.status, name)
      assert.truthy(one.out:find(name, 1, true), one.out)
      count = count + 1
    end
    assert.is_true(count > 35, count)
  end)

  it("keeps to 80 columns", function()
    for line in cli.run "help".out:gmatch "[^\n]+" do
      assert.is_true(#line <= 80, line)
    end
  end)
end)

describe("a plan", function()
  for _, row in ipairs {
    { "deploy.release { verson = 'v9' }",
      "FAILS: book.lua:3: deploy.release has no option \"verson\"" },
    { "deploy.release { version = input.no.no }",
      "FAILS: book.lua:3: attempt to index a nil value (field 'no')" },
  } do
    it("says that an undo step cannot work: " .. row[1], function()
      cli.book(("undo('back', function() %s end) "
        .. "deploy.release { version = 'v1' }"):format(row[1]))
      local result = cli.run "plan runbooks/book.lua"
      assert.equal(0, result.status, result.all)
      assert.truthy(result.out:find("\n        undo: " .. row[2], 1, true),
        result.out)
      assert.truthy(result.out:find("\n  - undo step 1 " .. row[2], 1, true),
        result.out)
    end)
  end
end)
