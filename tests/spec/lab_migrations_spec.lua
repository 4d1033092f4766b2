-- Going back on a real system, with two tools that keep the same schema: SQL
-- files as golang-migrate has them, and a real Alembic project. Three
-- witnesses decide; the way down is rehearsed, refused for what it would
-- lose, and made once when that was agreed to.

local lab = require "tests.tools.lab"
local must, run = lab.must, lab.run

local BUILD = os.getenv "RBRUN_BUILD" or "build"
local WINDOW = " --input window=8s"
local ERRORS = [[sum(rate(http_requests_total{service="api",code="500"}[8s]))
  / sum(rate(http_requests_total{service="api"}[8s]))]]

-- What the two name: the ledger's versions, and who reads it.
local TOOLS = {
  ["golang-migrate"] = { good = "3", additive = "4", breaking = "4",
    table = "schema_migrations", column = "version" },
  alembic = { good = "c2975e1ad083", additive = "17d6f0b3e95a",
    breaking = "a93e5c48d71b", table = "alembic_version",
    column = "version_num" },
}

local function rbrun(command, filter)
  return run("RBRUN_ENVIRONMENT=%s/environments/lab.lua " ..
    "XDG_STATE_HOME=%s/journal %s/rbrun %s </dev/null%s", lab.state,
    lab.state, BUILD, command, filter or "")
end

-- What migrate.assess answered, as one line of "verdict; witness: verdict".
local ANSWER = [[ 2>/dev/null | jq -r 'select(.answer.ok.witnesses) |
  .answer.ok | "\(.verdict); " + ([.witnesses | to_entries[] |
  "\(.key) \(.value.heard) \(.value.verdict // .value.broken_count)"] |
  join(", "))' | sort -u]]

local function decided()
  local told = rbrun("plan runbooks/api.lua --json" .. WINDOW, ANSWER)
  local plan, status = rbrun("plan runbooks/api.lua" .. WINDOW)
  assert.equal(0, status, plan)
  return told:gsub("\n$", ""), plan:match "Decision: ([%w_]+)", plan
end

local function columns(name)
  return lab.sql("select string_agg(attname, chr(32) order by attnum) " ..
    "from pg_attribute where attrelid = to_regclass($$" .. name ..
    "$$) and attnum > 0 and not attisdropped")
end

for tool, names in pairs(TOOLS) do
  describe("the lab with " .. tool, function()
    local function ledger()
      return lab.sql(("select %s from %s"):format(names.column, names.table))
    end

    local function break_it(name)
      must(lab.LAB .. " break " .. name)
      lab.await(ERRORS, 0.02, 30)
      assert.equal(names[name], ledger())
    end

    setup(function()
      lab.scratch()
      must(lab.LAB .. " up --tool " .. tool)
      assert.equal(names.good, ledger())
    end)

    teardown(lab.clean)

    it("rolls back what three witnesses call compatible", function()
      break_it "additive"
      local told, decision, plan = decided()
      assert.equal("compatible; catalog true compatible, statements true 0, " ..
        "text true compatible", told)
      assert.equal("rollback", decision, plan)
    end)

    it("takes a step back that loses nothing, with no word of it", function()
      local said, status = rbrun "examples/lab/runbooks/down.lua --confirm=lab"
      assert.equal(0, status, said)
      assert.equal(names.good, ledger())
      assert.equal("", columns "gift_wraps")
      assert.is_nil(columns "orders":find "gift_note")
    end)

    it("does not where all three say that old code breaks", function()
      break_it "breaking"
      local told, decision, plan = decided()
      assert.equal("incompatible; catalog true incompatible, " ..
        "statements true 1, text true incompatible", told)
      assert.equal("roll_forward", decision, plan)
      assert.truthy(plan:find("public.customers.address", 1, true), plan)
    end)

    it("refuses a step down for what it would lose", function()
      local before = columns "customers"
      local said, status = rbrun "examples/lab/runbooks/down.lua --confirm=lab"
      assert.equal(1, status, said)
      local rows = lab.sql "select count(*) from addresses"
      assert.truthy(said:find("would lose " .. rows ..
        " rows of public.addresses", 1, true), said)
      assert.equal(names.breaking, ledger())
      assert.equal(before, columns "customers")
    end)

    it("makes it once when that was agreed to, and the old code runs",
      function()
        local rows = lab.sql "select count(*) from addresses"
        local said, status = rbrun(
          "examples/lab/runbooks/down.lua --confirm=lab --input accept=500")
        assert.equal(0, status, said)
        assert.equal(names.good, ledger())
        assert.equal("", columns "addresses")
        assert.equal(rows,
          lab.sql "select count(address) from customers")
        lab.deploy "v2.4.0"
        assert.same(lab.WELL, lab.visit())
      end)
  end)
end

describe("the lab", function()
  setup(lab.scratch)
  teardown(lab.clean)

  it("is of one tool, and knows two", function()
    local said, status = run(lab.LAB .. " up --tool liquibase")
    assert.equal(1, status)
    assert.truthy(said:find("choose one of: golang-migrate alembic", 1, true),
      said)
    assert.is_false(lab.exists(lab.state))
  end)
end)
