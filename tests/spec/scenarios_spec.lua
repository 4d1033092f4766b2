-- The main job, on real servers: each bad release of the lab meets
-- `rbrun runbooks/api.lua`, and ends as a sound policy wants it to.

local lab = require "tests.tools.lab"
local must, run = lab.must, lab.run

local BUILD = os.getenv "RBRUN_BUILD" or "build"
local ERRORS = [[sum(rate(http_requests_total{service="api",code="500"}[15s]))
  / sum(rate(http_requests_total{service="api"}[15s]))]]
local P95 = [[histogram_quantile(0.95, sum by (le)
  (rate(http_request_duration_seconds_bucket{service="api"}[15s])))]]
local NEW = [[sum(rate(http_requests_total{version="v2.5.0"}[5s]))]]

-- Shorter than the default, for the spec to be; eight scrapes.
local WINDOW = " --input window=8s"

local function rbrun(command, filter)
  return run("RBRUN_ENVIRONMENT=%s/environments/lab.lua " ..
    "XDG_STATE_HOME=%s/journal %s/rbrun %s </dev/null%s", lab.state,
    lab.state, BUILD, command, filter or "")
end

local function count(what)
  return tonumber((must("cat %s/received/%s 2>/dev/null | wc -l", lab.state,
    what)))
end

local function snapshots()
  return tonumber((must("find %s/journal -name manifest.json 2>/dev/null " ..
    "| wc -l",
    lab.state)))
end

-- What there is to see of production.
local function state()
  local versions = lab.versions()
  assert.equal(versions.blue, versions.green)
  return {
    version = versions.blue,
    ledger = lab.sql "select version from schema_migrations",
    flags = lab.read(lab.state .. "/flags.json"):match('new%-checkout": (%w+)'),
    customers = lab.sql "select count(*) from customers",
  }
end

local function break_it(name, expr, limit)
  must(lab.LAB .. " break " .. name)
  lab.await(expr, limit, 30)
end

-- Writes as {verb, system, args}, one a line, without the texts for people.
local FORESEEN = [[ 2>/dev/null | jq -cS 'select(.event == "plan") |
  .entries[] | select(.effect == "write" and (has("undoes") | not)) |
  {verb, system, args: (.args | del(.note))}']]
local DONE = [[ 2>/dev/null | jq -cS 'select(.kind == "intent" and
  .effect == "write") | {verb: .request.verb, system,
  args: (.request.args | del(.note))}']]

local function foreseen()
  local command = "plan runbooks/api.lua --json" .. WINDOW
  return (rbrun(command, FORESEEN))
end

local function done()
  return (rbrun("show last --json", DONE))
end

-- A plan changes nothing, and foresees exactly the writes that the run then
-- makes; the run ends well, and tells Slack and mail.
local function repaired(decision)
  local before = state()
  local copies, slack = snapshots(), count "slack.ndjson"
  local mails = count "mail/new/*"
  local output, status = rbrun("plan runbooks/api.lua" .. WINDOW)
  assert.equal(0, status, output)
  assert.truthy(output:find("Decision: " .. decision, 1, true), output)
  assert.same(before, state())
  local planned = foreseen()
  assert.truthy(planned:find '"verb"', planned)
  output, status = rbrun("runbooks/api.lua --confirm=lab" .. WINDOW)
  assert.equal(0, status, output)
  assert.equal(planned, done())
  assert.equal(slack + 1, count "slack.ndjson")
  assert.is_true(count "mail/new/*" > mails)
  assert.same(lab.WELL, lab.visit())
  return snapshots() - copies
end

describe("rbrun runbooks/api.lua", function()
  setup(function()
    lab.scratch()
    must(lab.LAB .. " up")
  end)

  teardown(lab.clean)

  it("rolls back a release that fails (errors)", function()
    break_it("errors", ERRORS, 0.02)
    assert.equal(1, repaired "rollback")
    assert.same({ version = "v2.4.0", ledger = "3", flags = "false",
      customers = "200" }, state())
  end)

  it("rolls the code back and leaves the schema (additive)", function()
    break_it("additive", ERRORS, 0.02)
    assert.equal(1, repaired "rollback")
    assert.same({ version = "v2.4.0", ledger = "4", flags = "false",
      customers = "200" }, state())
    assert.equal("0", lab.sql "select count(gift_note) from orders")
  end)

  it("rolls forward where there is no way back (breaking)", function()
    break_it("breaking", ERRORS, 0.02)
    assert.equal(1, repaired "roll_forward")
    assert.same({ version = "v2.5.1", ledger = "4", flags = "false",
      customers = "200" }, state())
  end)

  it("switches the flag off and deploys nothing (flag)", function()
    break_it("flag", ERRORS, 0.02)
    assert.equal(0, repaired "mitigate")
    assert.same({ version = "v2.5.0", ledger = "3", flags = "false",
      customers = "200" }, state())
  end)

  it("rolls back a release that is slow (latency)", function()
    break_it("latency", P95, 0.5)
    assert.equal(1, repaired "rollback")
    assert.same({ version = "v2.4.0", ledger = "3", flags = "false",
      customers = "200" }, state())
  end)

  it("changes nothing when all is well (none)", function()
    break_it("none", NEW, 1)
    lab.await(ERRORS, -0.02, 30)
    lab.await(P95, -0.5, 30)
    local before, copies = state(), snapshots()
    local slack = count "slack.ndjson"
    assert.equal("", foreseen())
    local output, status = rbrun "runbooks/api.lua --confirm=lab"
    assert.equal(0, status, output)
    assert.equal("", done())
    assert.truthy(output:find("no regression", 1, true), output)
    assert.same(before, state())
    assert.equal(copies, snapshots())
    assert.equal(slack, count "slack.ndjson")
  end)
end)
