-- What --json prints is what docs/events.schema.json says, and the schema
-- lets nothing else through.

local json = require "dkjson"
local validator = require "tests.spec.support_schema"
local decode = validator.decode

local BUILD = os.getenv "RBRUN_BUILD" or "build"
local scratch

-- Files and commands --------------------------------------------------------

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function write(name, text)
  local file = assert(io.open(scratch .. "/" .. name, "w"))
  file:write(text)
  file:close()
end

--- The events that a command prints, and its exit status.
local function events(command)
  local pipe = assert(io.popen(("RBRUN_STATE=%s/state %s/rbrun %s </dev/null "
    .. "2>&1; echo $?"):format(scratch, BUILD, command)))
  local list, status = {}, nil
  for line in pipe:lines() do
    if line:sub(1, 1) == "{" then
      list[#list + 1] = decode(line)
    else
      status = assert(tonumber(line), line)
    end
  end
  pipe:close()
  return list, status
end

local schema = validator.load "docs/events.schema.json"

local function check(value, definition)
  return validator.check(value, schema, definition)
end

-- Against the definition that it names, for a message one can read.
local function check_event(event)
  local name = event.event == "answer" and "answer_event" or event.event
  local rule = schema["$defs"][name]
  local why = rule and check(event, rule) or not rule and "unknown event"
    or check(event, schema)
  assert.is_nil(why and event.event .. ": " .. why .. "\n" ..
    json.encode(event))
end

local function kinds(list)
  local set = {}
  for _, event in ipairs(list) do
    check_event(event)
    set[event.event] = (set[event.event] or 0) + 1
  end
  return set
end

-- Runbooks that make each event ---------------------------------------------

local ENVIRONMENT = [[
return {
  name = "test",
  deploy = { web = { driver = "memory", version = "v1",
    releases = { "v1", "v2" }, state = "deploy.json" } },
  flag = { flags = { driver = "memory", flags = { a = true } } },
  metric = { numbers = { driver = "memory", values = { errors = 0.5 } } },
  notify = { dead = { driver = "memory",
    fail = { ["notify.send"] = "unavailable" } } },
  command = { sleep = { driver = "command", argv = { "sleep" } } },
  grants = { ["*"] = { "* *", "wait.sleep", "clock.now" },
    ["none.lua"] = {} },
}
]]

local BOOK = [[
local decide = require "decide"
runbook { service = "web", summary = "each event", uses = { "*" } }
function run()
  local errors = metric.query { expr = "errors" }
  local d = decide.by { order = { "go", "stay" }, rules = {
    { name = "high", value = errors.value, op = "above", threshold = 0.02,
      pushes = "go" },
    { name = "on", value = flag.get { flag = "a" }.on, veto = { "stay" } },
  } }
  log("%s", d.action)
  flag.get { flag = "none" }
  on_failure("tell", function(why) notify.send { text = why } end)
  step("deploy", function()
    undo("back", function() deploy.release { version = "v1" } end)
    deploy.release { version = "v2" }
  end)
  wait("10ms")
  metric.await { expr = "errors", below = 1, within = "1s" }
  notify.send { text = "hello" }
  %s
end
]]

describe("--json", function()
  setup(function()
    scratch = os.tmpname()
    os.remove(scratch)
    assert(os.execute("mkdir -p " .. scratch .. "/runbooks/environments"))
    write("runbooks/environments/test.lua", ENVIRONMENT)
    write("runbooks/well.lua", (BOOK:gsub("%%s\nend",
      "finish { as = 'recovered', because = 'so' }\nend")))
    write("runbooks/bad.lua", (BOOK:gsub("%%s\nend", "fail('no')\nend")))
    write("runbooks/typo.lua", "runbook { service = 'web', summary = 's', "
      .. "uses = {} }\nfunction run() metric.quary {} undefined() end\n")
    write("runbooks/slow.lua", "runbook { service = 'web', summary = 's', "
      .. "uses = { 'command.run' } }\nfunction run()\n"
      .. "command.run { args = { '30' } }\nend\n")
  end)

  teardown(function()
    os.execute("rm -rf " .. scratch)
  end)

  local function rbrun(command)
    return events(command:gsub("@", scratch .. "/runbooks/") .. " --json")
  end

  it("tells a run that ends well", function()
    local list, status = rbrun "run @well.lua --yes"
    local seen = kinds(list)
    assert.equal(0, status)
    for _, kind in ipairs { "call", "answer", "step", "log", "decision",
      "undo", "plan", "run", "end" } do
      assert.truthy(seen[kind], kind)
    end
    assert.equal("end", list[#list].event)
    assert.equal("dead", list[#list].untold[1].system)
  end)

  it("tells a run that fails, and its undo steps", function()
    local list, status = rbrun "plan @bad.lua"
    assert.equal(1, status)
    list, status = rbrun("run @bad.lua --yes --plan " .. list[#list].id)
    kinds(list)
    assert.equal(1, status)
    assert.equal(1, list[#list].exit)
    assert.truthy(list[#list].error:find("no", 1, true))
  end)

  it("tells which undo steps failed", function()
    write("runbooks/bad2.lua", (read(scratch .. "/runbooks/bad.lua")
      :gsub("undo%(\"([^\"]+)\", function%(%)", "%0 error 'no way' ")))
    local list = rbrun "plan @bad2.lua"
    list = rbrun("run @bad2.lua --yes --plan " .. list[#list].id)
    kinds(list)
    assert.equal(7, list[#list].exit)
    assert.truthy(list[#list].undo_errors[1].error:find("no way", 1, true))
  end)

  it("tells a plan with its forks, and a replay", function()
    local list, status = rbrun "plan @well.lua"
    assert.equal(0, status)
    assert.equal(1, kinds(list).plan)
    local forks = 0
    for _, entry in ipairs(list[#list].entries) do
      forks = forks + (entry.otherwise and 1 or 0)
    end
    assert.equal(1, forks)
    list, status = rbrun "replay last"
    assert.equal(0, status)
    assert.is_true(kinds(list).answer > 0)
  end)

  it("tells refusals", function()
    local list, status = rbrun "run @well.lua"
    assert.equal(2, status)
    if list[1].event == "warning" then -- of the jail, as this machine has it
      assert.truthy(list[1].message:find("jail lacks", 1, true))
      table.remove(list, 1)
    end
    assert.same({ error = 1 }, kinds(list))
    list, status = rbrun "run @nowhere.lua --yes"
    assert.equal(2, status)
    assert.same({ error = 1 }, kinds(list))
  end)

  it("tells mistakes and findings", function()
    local list, status = rbrun "check @typo.lua"
    assert.equal(2, status)
    assert.equal(2, kinds(list).problem)
    list, status = rbrun "doctor --environment @environments/test.lua"
    -- A build with sanitizers has no whole jail to find.
    assert.equal(BUILD:match "asan" and 2 or 0, status)
    assert.is_true(kinds(list).finding > 8)
  end)

  it("tells stops, progress of what is left, and states", function()
    write("stop", ([[
%s/rbrun run %s/runbooks/slow.lua --yes --json >%s/slow.ndjson 2>&1 &
engine=$!
for i in $(seq 200); do
  grep -q '"event":"run"' %s/slow.ndjson && %s/rbrun status --json |
    grep -q '"in doubt"\|"running"' && break
  sleep 0.05
done
kill -INT "$engine"
for i in $(seq 200); do
  grep -q '"event":"stop"' %s/slow.ndjson && break
  sleep 0.05
done
kill -INT "$engine"
wait "$engine"
]]):format(BUILD, scratch, scratch, scratch, BUILD, scratch))
    os.execute(("RBRUN_STATE=%s/state bash -m %s/stop >/dev/null 2>&1")
      :format(scratch, scratch))
    local list = {}
    for line in io.lines(scratch .. "/slow.ndjson") do
      list[#list + 1] = decode(line)
    end
    assert.equal(2, kinds(list).stop)
    assert.equal(130, list[#list].exit)
    list = rbrun "status last"
    assert.same({ state = 1 }, kinds(list))
    assert.equal("in doubt", list[1].state)
    assert.is_string(list[1].question)
    list = rbrun "history"
    assert.is_true(kinds(list).state >= 3)
    list = rbrun "verify"
    assert.is_true(kinds(list).verify >= 3)
  end)

  it("tells a journal that was changed", function()
    local list = rbrun "history"
    local run = list[1].run
    assert(os.execute(("sed -i '2s/\"at\":./\"at\":9/' %s/state/runs/%s/"
      .. "journal.ndjson"):format(scratch, run)))
    local status
    list, status = rbrun("verify " .. run)
    assert.equal(2, status)
    assert.same({ verify = 1 }, kinds(list))
    assert.is_false(list[1].whole)
    assert.is_string(list[1].error)
  end)
end)

describe("the schema", function()
  local function refuses(text, why)
    local value = decode(text)
    assert.truthy(check(value, schema), text)
    local said = check(value, schema["$defs"].run)
    assert.truthy(said and said:find(why, 1, true), said)
  end

  it("refuses what no event looks like", function()
    assert.is_nil(check(decode
      '{"event":"run","at":1,"run":"x","plan":"y"}', schema))
    refuses('{"event":"run","at":1,"run":"x"}', "lacks plan")
    refuses('{"event":"run","at":1.5,"run":"x","plan":"y"}', "at: is a number")
    refuses('{"event":"run","at":1,"run":"x","plan":"y","more":1}',
      "has a field more")
    refuses('{"event":"walk","at":1,"run":"x","plan":"y"}', "event: is walk")
    refuses('[]', "is a array")
  end)
end)
