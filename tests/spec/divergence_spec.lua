-- A program that does something else than its record says is stopped, with
-- both sides, the runbook's line, and an exit status that is true. Each row
-- rewrites the files of a run, the hashes in them too, as somebody would who
-- wants it to go unseen.

local C = require "tests.spec.support_cli"

local HEADER = [[
runbook { service = "shop", summary = "t", uses = { "*" } }
local decide = require "decide"
]]

local BOOK = HEADER .. [[
function run()
  log("begin %d", 1)
  local live = deploy.current()
  local e = metric.query { expr = "errors" }
  decide.by { rules = { { name = "high", value = e.value, op = "above",
    threshold = 0.1, pushes = "rollback" } }, order = { "rollback" } }
  undo("put it back", function() deploy.release { version = "v2" } end)
  deploy.release { version = "v1", expect = live.version }
  attempt(parallel, {
    a = function() wait "1h" end,
    b = function() flag.get { flag = "new" } error "enough" end,
  })
  flag.set { flag = "new", on = false }
  finish { as = "recovered", because = "v1 is live" }
end
]]

local BINDINGS = [[
  deploy = { shop = { driver = "memory", version = "v2",
    releases = { "v1", "v2", "v3" } } },
  metric = { m = { driver = "memory", values = { errors = 0.2 } } },
  flag = { f = { driver = "memory", flags = { new = true } } },
]]

local function quoted(text)
  return (text:gsub("%W", "%%%0"))
end

--- Replace a text that is there exactly once.
local function swap(text, old, new)
  local result, count = text:gsub(quoted(old), (new:gsub("%%", "%%%%")))
  assert(count == 1, count .. " times: " .. old)
  return result
end

local function sha256(text)
  C.write("hashed", text)
  return C.sh("sha256sum <hashed"):match "%x+"
end

local id

local function file(name)
  return "state/runs/" .. id .. "/" .. name
end

local function records()
  local list = {}
  for line in C.read(file "journal.ndjson"):gmatch "[^\n]+" do
    list[#list + 1] = line
  end
  return list
end

--- Write the records as a journal whose numbers and hashes fit.
local function store(list)
  local last = ("0"):rep(64)
  for i, line in ipairs(list) do
    list[i] = line:gsub('^{"n":%d+,"prev":"%x+"',
      ('{"n":%d,"prev":"%s"'):format(i, last))
    last = sha256(list[i])
  end
  C.write(file "journal.ndjson", table.concat(list, "\n") .. "\n")
  C.sh("rm -f %s", file "sealed")
  if list[#list]:find('"kind":"ended"', 1, true) then
    C.write(file "sealed", last)
  end
end

--- The number of the first record that holds all of these texts.
local function number_of(list, ...)
  for i, line in ipairs(list) do
    local all = true
    for _, text in ipairs { ... } do
      all = all and line:find(text, 1, true)
    end
    if all then
      return i
    end
  end
  error("no record with " .. table.concat({ ... }, ", "))
end

--- Put another program in the place of the stored one, and pin it.
local function plant(text)
  local list = records()
  local was = list[1]:match '"name":"book.lua".-"sha256":"(%x+)"'
  local is = sha256(text)
  C.write(file("program/" .. is .. ".lua"), text)
  list[1] = swap(list[1], was, is)
  store(list)
end

local function program(old, new)
  return function() plant(swap(BOOK, old, new)) end
end

local function journal(change)
  return function()
    local list = records()
    store(change(list) or list)
  end
end

--- Change the record that holds these texts.
local function line(old, new, ...)
  local texts = { ... }
  return journal(function(list)
    local at = number_of(list, table.unpack(texts))
    list[at] = swap(list[at], old, new)
  end)
end

local DEPLOY = [[deploy.release {"expect":"v2","version":"v1"}   ]]
  .. "(book.lua:10)"
local WAITS = [[undoing, deploy.release {"version":"v2"}   (book.lua:9)]]
local END = [[ends: finished as recovered, because "v1 is live"]]

-- What is done to the run; then the message's first line, what was recorded,
-- what is done now, and where they differ.
local ROWS = {
  { "another argument", program('version = "v1"', 'version = "v3"'),
    "call 3 is not the one that was recorded (record 10)", DEPLOY,
    [[deploy.release {"expect":"v2","version":"v3"}   (book.lua:10)]],
    [[args.version: "v1" / "v3"]] },
  { "an argument less", program(', expect = live.version', ""),
    "call 3 is not the one that was recorded (record 10)", DEPLOY,
    [[deploy.release {"version":"v1"}   (book.lua:10)]],
    [[args.expect: "v2" / nothing]] },
  { "another verb", program('metric.query { expr = "errors" }',
      "metric.range { expr = \"errors\", last = \"1h\" }"),
    "call 2 is not the one that was recorded (record 6)",
    [[metric.query {"expr":"errors"}   (book.lua:6)]],
    [[metric.range {"expr":"errors","last":"1h"}   (book.lua:6)]] },
  { "another line", program("  local e = ", "\n  local e = "),
    "call 2 is not the one that was recorded (record 6)",
    [[metric.query {"expr":"errors"}   (book.lua:6)]],
    [[metric.query {"expr":"errors"}   (book.lua:7)]], "line: 6 / 7" },
  { "another step", program("deploy.current()",
      'step("look", deploy.current)'),
    "call 1 is not the one that was recorded (record 4)",
    "deploy.current {}   (book.lua:5)", "deploy.current {}   (book.lua:5)",
    [[step: "" / "look"]] },
  { "another order", program([[local live = deploy.current()
  local e = metric.query { expr = "errors" }]],
      [[local e = metric.query { expr = "errors" }
  local live = deploy.current()]]),
    "call 1 is not the one that was recorded (record 4)",
    "deploy.current {}   (book.lua:5)",
    [[metric.query {"expr":"errors"}   (book.lua:5)]] },
  { "a call for a log", program('log("begin %d", 1)', ""),
    "call 1 is not the one that was recorded (record 3)",
    [[log "begin 1"   (book.lua:4)]], "deploy.current {}   (book.lua:5)" },
  { "a log for a call", program("  local e = ", '  log "more" local e = '),
    "the runbook does not say what it said (record 6)",
    [[metric.query {"expr":"errors"}   (book.lua:6)]],
    [[log "more"   (book.lua:6)]] },
  { "another log", program("begin %d", "start %d"),
    "the runbook does not say what it said (record 3)",
    [[log "begin 1"   (book.lua:4)]], [[log "start 1"   (book.lua:4)]],
    [[text: "begin 1" / "start 1"]] },
  { "another decision", program("threshold = 0.1", "threshold = 0.3"),
    "the runbook does not say what it said (record 8)",
    [[decision "rollback", because ]], [[decision "inconclusive", because ]],
    [[action: "rollback" / "inconclusive"]] },
  { "another undo step", program("put it back", "put v2 back"),
    "the runbook does not say what it said (record 9)",
    [[undo "put it back"   (book.lua:9)]],
    [[undo "put v2 back"   (book.lua:9)]],
    [[undo: "put it back" / "put v2 back"]] },
  { "no call", program('flag.set { flag = "new", on = false }', ""),
    "the runbook does not do what it did (record 16)",
    [[flag.set {"flag":"new","on":false}   (book.lua:15)]], END },
  { "one call more", program("  finish {", "  clock.now() finish {"),
    "call 7 is not the one that was recorded (record 18)", END,
    "clock.now {}   (book.lua:16)" },
  { "an earlier end", program("  deploy.release { version = \"v1\"",
      "  error 'no' deploy.release { version = \"v1\""),
    "call 3 is not the one that was recorded (record 10)", DEPLOY, WAITS },
  { "another end", program('because = "v1 is live"', 'because = "so"'),
    "the runbook does not end as it did (exit 0, now 0)", END,
    [[ends: finished as recovered, because "so"]],
    [[result.because: "v1 is live" / "so"]] },
  { "an end of another kind", program('as = "recovered"', 'as = "gate"'),
    "the runbook does not end as it did (exit 0, now 7)", END,
    [[ends: finished as gate, because "v1 is live"]], "exit: 0 / 7" },
  { "nobody gives up", program('error "enough"', 'wait "2h"'),
    "call 6 is not the one that was recorded (record 15)",
    "no longer waits for the calls [4]", [[wait.sleep ]] },
  { "other calls given up", line('"calls":[4]', '"calls":[4,5]', "cancel"),
    "the runbook does not say what it said (record 15)",
    "no longer waits for the calls [4,5]",
    "no longer waits for the calls [4]", "calls[2]: 5 / nothing" },
  { "an answer to no call",
    line('"call":2', '"call":9', '"result"', '"call":2'),
    "the journal answers call 9, which was not made", [[{"ok":{]],
    [[waits for call 2, metric.query {"expr":"errors"}   (book.lua:6)]] },
  { "an answer twice", journal(function(list)
      local at = number_of(list, '"result"', '"call":1')
      table.insert(list, at + 2, list[at])
    end),
    "the journal answers call 1, for which nobody waits any more",
    [[{"ok":{]],
    [[waits for call 2, metric.query {"expr":"errors"}   (book.lua:6)]] },
  { "no answer", journal(function(list)
      table.remove(list, number_of(list, '"result"', '"call":2'))
    end),
    "the runbook does not do what it did (record 7)", "decision ",
    [[waits for call 2, metric.query {"expr":"errors"}   (book.lua:6)]] },
  { "no answer, and then the end", journal(function(list)
      local at = number_of(list, '"result"', '"call":2')
      table.move(list, #list, #list, at)
      while #list > at do
        table.remove(list)
      end
    end),
    "the runbook does not do what it did (record 7)", END,
    [[waits for call 2, metric.query {"expr":"errors"}   (book.lua:6)]] },
  { "another exit", line('"exit":0', '"exit":1', '"ended"'),
    "the runbook does not end as it did (exit 1, now 0)", END, END,
    "exit: 1 / 0" },
  { "another count", line('"instructions":', '"instructions":1',
      '"kind":"ended"'),
    "the runbook made the same calls, but did not run the same way",
    "1%d+ instructions", "%d+ instructions" },
  { "an unfinished record that is wrong in the end",
    journal(function(list)
      list[3] = swap(list[3], "begin 1", "begin 2")
      return { table.unpack(list, 1, 3) }
    end),
    "the runbook does not say what it said (record 3)",
    [[log "begin 2"   (book.lua:4)]], [[log "begin 1"   (book.lua:4)]],
    [[text: "begin 2" / "begin 1"]] },
}

local function pattern(text)
  return text:find "%%d" and text or quoted(text)
end

--- The message of a divergence, whole: what is missing of it, or nothing.
local function missing(said, what, recorded, now, where)
  local wanted = "rbrun: " .. pattern(what) .. "\n    recorded: "
    .. pattern(recorded) .. "[^\n]*\n    now:      " .. pattern(now)
    .. "[^\n]*\n"
  if where then
    wanted = wanted .. "    " .. quoted(where) .. "\n"
  end
  return not said:find(wanted) and wanted or nil
end

describe("a run that comes out otherwise", function()
  setup(function()
    C.open()
    C.environment(BINDINGS)
    C.write("runbooks/book.lua", BOOK)
    local run = C.run "run runbooks/book.lua --yes"
    assert.equal(0, run.status, run.all)
    id = C.runs()[1]
    C.sh "cp -r state base"
  end)

  teardown(function()
    C.close()
  end)

  before_each(function()
    C.sh "rm -rf state && cp -r base state"
  end)

  it("does not, as it is", function()
    local said = C.run "replay last"
    assert.equal(0, said.status, said.all)
    store(records()) -- nor when it is only written once more
    said = C.run "replay last"
    assert.equal(0, said.status, said.all)
    assert.falsy(said.err:find "warning")
  end)

  for _, row in ipairs(ROWS) do
    it("is found by a replay: " .. row[1], function()
      row[2]()
      local said = C.run "replay last --quiet"
      local lacks = missing(said.err, table.unpack(row, 3))
      assert(not lacks, ("no %s in:\n%s"):format(lacks, said.all))
      assert.equal(70, said.status, said.all)
      assert.truthy(said.err:find("next:  keep " .. C.state, 1, true),
        said.err)
      said = C.run "replay last --json"
      assert.equal(70, said.status, said.all)
      assert.truthy(said.out:find '"event":"error"', said.out)
    end)
  end

  it("is not looked at when its program is not what is pinned", function()
    local list = records()
    local name = list[1]:match '"name":"book.lua".-"sha256":"(%x+)"'
    C.write(file("program/" .. name .. ".lua"), (swap(BOOK, "0.1", "0.2")))
    local said = C.run "replay last"
    assert.truthy(said.err:find("differs from its hash in the journal", 1,
      true), said.err)
    assert.falsy(said.all:find("bug in rbrun to", 1, true))
    assert.truthy(said.status ~= 0)
  end)

  it("is warned of when another Lua made it", function()
    line('"lua":"Lua 5.4.4', '"lua":"Lua 5.4.9', '"started"')()
    line('"instructions":', '"instructions":1', '"kind":"ended"')()
    local said = C.run "replay last --quiet"
    assert.equal(0, said.status, said.all)
    assert.truthy(said.err:find "warning: .-Lua 5.4.4.-Lua 5.4.9", said.err)
    said = C.run "replay last --json"
    assert.equal("Lua 5.4.9", C.jq(said.out,
      'select(.event == "warning").message'):match "Lua 5.4.9")
    program("begin %d", "start %d")()
    said = C.run "replay last --quiet"
    assert.equal(70, said.status, said.all)
    assert.truthy(said.err:find("next:  use the rbrun that made the run", 1,
      true), said.err)
  end)

  it("may be an unfinished one as far as it goes", function()
    for _, last in ipairs { 3, 4, 5, 11, 13 } do
      C.sh "rm -rf state && cp -r base state"
      store { table.unpack(records(), 1, last) }
      local said = C.run "replay last --quiet"
      assert.equal(0, said.status, said.all)
      assert.truthy(said.out:find(("last record (%d)"):format(last), 1, true),
        said.all)
    end
  end)

  -- A resume does nothing then, and its status is the state of production.
  local RESUMED = {
    { "before any write", 7, 2, "begin %d", "start %d", nil, "",
      "the runbook does not say what it said (record 3)",
      [[log "begin 1"   (book.lua:4)]], [[log "start 1"   (book.lua:4)]] },
    { "of a call, before any write", 7, 2, 'expr = "errors" }\n  decide',
      'expr = "load" }\n  decide', "--program runbooks/edited.lua", "",
      "call 2 is not the one that was recorded (record 6)",
      [[metric.query {"expr":"errors"}   (book.lua:6)]],
      [[metric.query {"expr":"load"}   (edited.lua:6)]],
      [[args.expr: "errors" / "load"]] },
    { "with a write in doubt", 10, 8, 'version = "v1"', 'version = "v3"',
      "--program runbooks/edited.lua",
      "of the run, the outcome of 1 write to production is not known\n",
      "call 3 is not the one that was recorded (record 10)", DEPLOY,
      [[deploy.release {"expect":"v2","version":"v3"}   (edited.lua:10)]],
      [[args.version: "v1" / "v3"]] },
    { "behind a write", 14, 7, 'version = "v1"', 'version = "v3"',
      "--program runbooks/edited.lua",
      "of the run, 1 write to production stands\n",
      "call 3 is not the one that was recorded (record 10)", DEPLOY,
      [[deploy.release {"expect":"v2","version":"v3"}   (edited.lua:10)]],
      [[args.version: "v1" / "v3"]] },
    { "behind a write, of the stored program", 14, 7,
      'flag.get { flag = "new" }', 'flag.get { flag = "old" }', nil,
      "of the run, 1 write to production stands\n",
      "call 5 is not the one that was recorded (record 13)",
      [[flag.get {"flag":"new"}   (book.lua:13)]],
      [[flag.get {"flag":"old"}   (book.lua:13)]],
      [[args.flag: "new" / "old"]] },
  }

  for _, row in ipairs(RESUMED) do
    it("stops a resume " .. row[1], function()
      local _, last, exit, old, new, option, stands = table.unpack(row, 1, 7)
      store { table.unpack(records(), 1, last) }
      local edited = swap(BOOK, old, new)
      if option then
        C.write("runbooks/edited.lua", edited)
      else
        plant(edited)
      end
      local before = C.read(file "journal.ndjson")
      local said = C.run("resume last " .. (option or ""))
      local lacks = missing(said.err, table.unpack(row, 8))
      assert(not lacks, ("no %s in:\n%s"):format(lacks, said.all))
      assert.equal(exit, said.status, said.all)
      assert.truthy(said.err:find(stands, 1, true), said.err)
      assert.equal(exit == 2, said.all:find "untouched" ~= nil, said.all)
      assert.truthy(said.all:find(option and "next: resume without --program"
        or "next: keep " .. C.state, 1, true), said.all)
      assert.equal(before, C.read(file "journal.ndjson"))
      assert.falsy(C.read(file "sealed"))
    end)
  end
end)
