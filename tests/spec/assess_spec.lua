-- rbrun assess by the text alone: verdicts, forms of output, exit statuses.

local A = require "tests.spec.support_assess"
local schema = require "tests.spec.support_schema"
local json = require "dkjson"
local cli = A.cli

before_each(cli.open)
after_each(cli.close)

local function has(text, ...)
  for _, part in ipairs { ... } do
    assert.truthy(text:find(part, 1, true), part .. "\n is not in:\n" .. text)
  end
end

describe("the history of a directory", function()
  before_each(function() A.files("db", A.HISTORY) end)

  it("judges each migration after those before it", function()
    local result = A.run "db --json"
    assert.same({ ["0001_users.up.sql"] = "compatible",
                  ["0002_age.up.sql"] = "compatible",
                  ["0003_null.up.sql"] = "caution",
                  ["0004_email.up.sql"] = "incompatible" },
      A.verdicts(result))
    assert.equal(5, result.status)
  end)

  it("sees a view that now refuses rows, and values written anew", function()
    A.files("views", {
      ["1_a.up.sql"] = "CREATE TABLE t (a text, b text);\n"
        .. "CREATE VIEW v AS SELECT a FROM t WHERE a > 'm';\n",
      ["2_b.up.sql"] = "CREATE OR REPLACE VIEW v AS SELECT a FROM t "
        .. "WHERE a > 'm' WITH CHECK OPTION;\n",
      ["3_c.up.sql"] = "ALTER TABLE t ALTER b TYPE text USING upper(b);\n",
      ["4_d.up.sql"] = "ALTER TABLE t ALTER b TYPE text USING b::text;\n" })
    assert.same({ ["1_a.up.sql"] = "compatible", ["2_b.up.sql"] =
      "incompatible", ["3_c.up.sql"] = "unknown", ["4_d.up.sql"] =
      "compatible" }, A.verdicts(A.run "views --json"))
  end)

  it("tells file, line, object, what breaks and the safe way", function()
    local last = A.objects(A.run "db --json")[4]
    assert.same({ "column_removed: public.users.email" },
      A.names(last, "reasons"))
    local reason = last.reasons[1]
    assert.equal("0004_email.up.sql", reason.file)
    assert.equal(2, reason.line)
    assert.is_string(reason.text)
    assert.is_string(reason.safe)
    assert.equal("db/0004_email.up.sql", last.path)
    assert.equal("golang-migrate", last.tool)
    assert.equal("AccessExclusive", last.locks[1].mode:gsub("Lock$", ""))
  end)

  it("says of the way down what it loses and restores", function()
    local list = A.objects(A.run "db --json")
    assert.is_true(list[2].down.present)
    assert.equal("yes", list[2].down.restores)
    assert.equal("column", list[2].down.loses[1].code:match "^%a+")
    os.remove(cli.path "db/0002_age.down.sql")
    local again = A.objects(A.run "db --json")
    assert.equal(json.null, again[2].down)
  end)

  it("is told to people with the worst last", function()
    local result = A.run "db"
    has(result.out, "4 migrations in db (golang-migrate), each after those",
      "db/0004_email.up.sql:2: column_removed: public.users.email",
      "    breaks: ", "    safe:   ",
      "4 migrations: 2 compatible, 1 caution, 0 unknown, 1 incompatible")
    local caution = result.out:find("\ncaution", 1, true)
    local bad = result.out:find("\nincompatible", 1, true)
    assert.is_true(caution < bad)
    has(result.out:match "([^\n]*\n[^\n]*)\n$", "the gate says no", "next: ")
  end)

  it("judges the newest alone when it is asked to", function()
    local result = A.run "db --last 1 --json"
    assert.same({ ["0004_email.up.sql"] = "incompatible" },
      A.verdicts(result))
  end)

  it("says one line with --quiet", function()
    local result = A.run "db --quiet"
    assert.equal(1, select(2, result.out:gsub("\n", "")))
    has(result.out, "1 incompatible", "0004_email.up.sql, is incompatible")
  end)

  it("becomes a table when it is long", function()
    local files = {}
    for i = 10, 30 do
      files[i .. "_t.up.sql"] = ("CREATE TABLE t%d (a integer NOT NULL);\n")
        :format(i)
      files[(i + 30) .. "_d.up.sql"] = ("DROP TABLE t%d;\n"):format(i)
    end
    A.files("long", files)
    local result = A.run "long"
    has(result.out, "\nincompatible  long/40_d.up.sql:1: table_removed: "
      .. "public.t10\n", "21 incompatible")
    assert.is_nil(result.out:find("breaks:", 1, true))
  end)
end)

describe("the gate", function()
  local function status(files, option)
    A.files("db", files)
    return A.run("db " .. option).status
  end

  it("fails at unknown and worse unless it is told otherwise", function()
    assert.equal(5, status(A.HISTORY, ""))
    assert.equal(5, status(A.HISTORY, "--fail-on incompatible"))
    assert.equal(0, status(A.HISTORY, "--fail-on never"))
    A.files("do", { ["1_do.up.sql"] =
      "DO $$ BEGIN EXECUTE 'DROP TABLE x'; END $$;\n" })
    assert.equal(5, A.run "do".status)
    assert.equal(0, A.run "do --fail-on incompatible".status)
  end)

  it("fails at a caution where that is asked for", function()
    local files = {}
    for name, text in pairs(A.HISTORY) do
      if name < "0004" then files[name] = text end
    end
    assert.equal(0, status(files, ""))
    assert.equal(5, status(files, "--fail-on caution"))
  end)
end)

describe("a release", function()
  it("is one net change: what is born in it breaks nothing", function()
    A.files("db", { ["1_a.up.sql"] = "CREATE TABLE a (x integer);\n",
                    ["2_b.up.sql"] = "ALTER TABLE a ADD COLUMN y integer "
                      .. "NOT NULL;\nALTER TABLE a DROP COLUMN x;\n" })
    local list = A.objects(A.run "--release db/1_a.up.sql db/2_b.up.sql --json")
    assert.equal(1, #list)
    assert.is_true(list[1].release)
    assert.equal("compatible", list[1].verdict)
    assert.same({ "db/1_a.up.sql", "db/2_b.up.sql" }, list[1].files)
    assert.equal("incompatible",
      A.verdicts(A.run "db --json")["2_b.up.sql"])
  end)

  it("knows types by the history before it", function()
    A.files("db", A.HISTORY)
    A.files("db", { ["0005_t.up.sql"] =
      "ALTER TABLE users ALTER COLUMN name TYPE varchar(10);\n" })
    local result = A.run "--release db/0005_t.up.sql --history db"
    assert.equal(5, result.status)
    has(result.out, "column_type_narrowed: public.users.name "
      .. "text -> character varying(10)")
    -- No advice that would cut values off: a cast says nothing of it.
    has(result.out, "SELECT * FROM public.users WHERE name <> "
      .. "name::character varying(10);")
    assert.is_nil(result.out:find("UPDATE", 1, true))
  end)

  it("that cannot be rolled back says so, and what to do", function()
    A.files("db", A.HISTORY)
    local result = A.run "--release db/0004_email.up.sql --history db"
    has(result.out, "    split:  now   ship code that neither reads nor ",
      "            later remove it when nobody goes back",
      "\n                    ALTER TABLE public.users DROP COLUMN email;\n")
    has(result.out, "\nthis release cannot be rolled back: drop of "
      .. "users.email; split it: expand now, contract a release later; "
      .. "the gate says no\nnext: ")
  end)

  it("of nothing that breaks says that the text alone says so", function()
    A.files("db", A.HISTORY)
    local result = A.run "--release db/0002_age.up.sql --history db"
    assert.equal(0, result.status)
    has(result.out, "this release can be rolled back, by its text alone")
  end)

  it("takes its tool's order, not that of the words", function()
    A.files("db", { ["9_a.up.sql"] = "CREATE TABLE a (x integer);\n",
                    ["10_b.up.sql"] = "DROP TABLE a;\n" })
    local list = A.objects(A.run
      "--release db/10_b.up.sql db/9_a.up.sql --json")
    assert.same({ "db/9_a.up.sql", "db/10_b.up.sql" }, list[1].files)
    assert.equal("compatible", list[1].verdict)
  end)

  it("of a graph builds on files that are none of it", function()
    local function python(revision, below, act)
      return ("from alembic import op\nrevision = '%s'\n"
        .. "down_revision = %s\ndef upgrade():\n    op.execute('%s')\n")
        :format(revision, below and "'" .. below .. "'" or "None", act)
    end
    A.files("db", {
      ["c.py"] = python("c", nil, "CREATE TABLE t (x varchar(9))"),
      ["b.py"] = python("b", "c", "ALTER TABLE t RENAME x TO y"),
      ["a.py"] = python("a", "b", "ALTER TABLE t ALTER y TYPE varchar(3)") })
    for _, more in ipairs { "", " --tool alembic" } do
      local list = A.objects(A.run("--release db/a.py db/b.py --history db "
        .. "--json" .. more))
      assert.same({ "db/b.py", "db/a.py" }, list[1].files)
      assert.equal("incompatible", list[1].verdict)
      list = A.objects(A.run("--release db/a.py --history db --json" .. more))
      assert.same({ "column_type_narrowed: public.t.y" },
        A.names(list[1], "reasons"))
    end
    assert.equal(5, A.run "--release db/b.py".status)
  end)
end)

describe("SARIF", function()
  it("is a log of version 2.1.0 whose rules explain the results", function()
    A.files("db", A.HISTORY)
    local result = A.run "db --sarif"
    local log = schema.decode(result.out)
    assert.equal("2.1.0", log.version)
    has(log["$schema"], "sarif-schema-2.1.0.json")
    assert.equal(1, #log.runs)
    local driver = log.runs[1].tool.driver
    assert.equal("rbrun", driver.name)
    assert.equal(2, #log.runs[1].results)
    for _, one in ipairs(log.runs[1].results) do
      local rule = driver.rules[one.ruleIndex + 1]
      assert.equal(rule.id, one.ruleId)
      assert.is_true(#rule.help.text > 10)
      assert.is_true(#rule.shortDescription.text > 10)
      assert.truthy(({ error = 1, warning = 1, note = 1 })[one.level])
      assert.is_string(one.message.text)
      local place = one.locations[1].physicalLocation
      assert.truthy(cli.read(place.artifactLocation.uri))
      assert.is_true(place.region.startLine >= 1)
    end
    local worst = log.runs[1].results[2]
    assert.equal("column_removed", worst.ruleId)
    assert.equal("error", worst.level)
    assert.equal(2, worst.locations[1].physicalLocation.region.startLine)
  end)

  it("has no results where nothing is odd", function()
    A.files("db", { ["1_a.up.sql"] = "CREATE TABLE a (x integer);\n" })
    local log = schema.decode(A.run "db --sarif".out)
    assert.equal(0, #log.runs[1].results)
    assert.equal("array", getmetatable(log.runs[1].results).__jsontype)
  end)

  it("writes a path as an address", function()
    A.files("a b%c", { ["1_a.up.sql"] = "CREATE TABLE a (x integer);\n",
                       ["2_b.up.sql"] = "DROP TABLE a;\n" })
    local log = schema.decode(A.run "'a b%c' --sarif".out)
    assert.equal("a%20b%25c/2_b.up.sql", log.runs[1].results[1].locations[1]
      .physicalLocation.artifactLocation.uri)
  end)
end)
