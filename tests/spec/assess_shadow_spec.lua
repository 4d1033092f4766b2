-- rbrun assess --shadow: each migration applied to a scratch PostgreSQL, its
-- catalog compared, the older code's statements prepared; nothing is left.

local A = require "tests.spec.support_assess"
local cli = A.cli

before_each(function()
  cli.open()
  assert(os.execute("mkdir -m 777 " .. cli.quote(cli.path "tmp")))
  assert(os.execute("chmod 755 " .. cli.quote(cli.directory)))
end)
after_each(cli.close)

local function shadow(arguments)
  return A.run(arguments .. " --shadow", "TMPDIR=" .. cli.path "tmp")
end

--- What scratch databases have left behind.
local function left()
  return cli.sh "ls tmp"
end

describe("a scratch database", function()
  it("has the last word on the schema, and is thrown away", function()
    A.files("db", A.HISTORY)
    local result = shadow "db --json"
    assert.equal(5, result.status, result.all)
    assert.same({ ["0001_users.up.sql"] = "compatible",
                  ["0002_age.up.sql"] = "compatible",
                  ["0003_null.up.sql"] = "caution",
                  ["0004_email.up.sql"] = "incompatible" },
      A.verdicts(result))
    local last = A.objects(result)[4]
    assert.same({ "column_removed: public.users.email" },
      A.names(last, "reasons"))
    assert.equal(2, last.reasons[1].line)
    assert.is_true(last.witnesses.catalog.heard)
    assert.equal("incompatible", last.witnesses.catalog.verdict)
    assert.equal("", left())
  end)

  it("is made in /tmp where the caller's own directory is closed to it",
    function()
    A.files("db", { ["1_a.up.sql"] = "CREATE TABLE a (x integer);\n" })
    local closed = cli.path "closed"
    assert(os.execute("mkdir -m 700 " .. cli.quote(closed)))
    local result = A.run("db --shadow --json", "TMPDIR=" .. closed)
    assert.equal(0, result.status, result.all)
    assert.equal("compatible", A.verdicts(result)["1_a.up.sql"])
  end)

  it("sees what a DO block does, and says what no catalog shows", function()
    A.files("db", {
      ["1_a.up.sql"] = "CREATE TABLE a (x integer, y integer);\n",
      ["2_b.up.sql"] = "DO $$ BEGIN EXECUTE 'ALTER TABLE a DROP COLUMN y'; "
        .. "END $$;\n",
      ["3_c.up.sql"] = "CREATE INDEX i ON a (x);\nUPDATE a SET x = 0;\n",
      ["4_d.up.sql"] = "CREATE ROLE shadow_d; ALTER ROLE shadow_d NOLOGIN;\n"
        .. "REVOKE shadow_d FROM postgres;\n" })
    local text, result = A.run "db --json", shadow "db --json"
    assert.equal("unknown", A.verdicts(text)["2_b.up.sql"])
    local list = A.objects(result)
    assert.same({ "column_removed: public.a.y" }, A.names(list[2], "reasons"))
    assert.equal("compatible", list[3].verdict)
    assert.equal("data_changed", list[3].beside[1].code)
    assert.equal(2, list[3].beside[1].line)
    assert.same({ "not_in_catalog", "not_in_catalog" },
      { list[4].beside[1].code, list[4].beside[2].code })
    -- Rows are changed: that is no reason to let it pass.
    local release = shadow "--release db/3_c.up.sql --history db"
    assert.equal(5, release.status, release.all)
    assert.truthy(release.out:find("whether its rows do is unknown: changed "
      .. "rows of a", 1, true), release.out)
  end)

  it("applies a file as its tool would", function()
    A.files("db", {
      ["1_a.up.sql"] = "CREATE TABLE a (x integer);\n"
        .. "CREATE ROLE reader; GRANT SELECT ON a TO writer, reader;\n",
      ["2_i.up.sql"] = "CREATE INDEX CONCURRENTLY i ON a (x);\n",
      ["3_own.up.sql"] = "BEGIN;\nALTER TABLE a ADD COLUMN y integer;\n"
        .. "COMMIT;\n",
      ["4_set.up.sql"] = "SET search_path = pg_catalog;\n",
      ["5_b.up.sql"] = "CREATE TABLE b (x integer);\n" })
    local result = shadow "db --json"
    assert.equal(0, result.status, result.all)
    for _, one in ipairs(A.objects(result)) do
      assert.equal("compatible", one.verdict)
    end
  end)

  it("says what does not apply, and takes none of it back as safe", function()
    A.files("db", {
      ["1_a.up.sql"] = "CREATE TABLE a (x integer);\n",
      ["2_b.up.sql"] = "CREATE TABLE b (x integer);\n"
        .. "CREATE TABLE c AS SELECT 1/0 AS x;\n",
      ["3_c.up.sql"] = "ALTER TABLE b ADD COLUMN y integer;\n" })
    local result = shadow "db --json"
    assert.equal(5, result.status)
    local list = A.objects(result)
    assert.equal("unknown", list[2].verdict)
    local reason = list[2].reasons[#list[2].reasons]
    assert.equal("does_not_apply", reason.code)
    assert.equal(2, reason.line)
    assert.truthy(reason.text:find("division by zero", 1, true))
    -- The first half was rolled back with the second.
    assert.truthy(list[3].reasons[1].text:find("does not exist", 1, true))
    assert.equal("", left())
  end)

  it("judges a release as one change", function()
    A.files("db", A.HISTORY)
    A.files("db", { ["0005_t.up.sql"] = "CREATE TABLE t (x integer);\n",
      ["0006_t.up.sql"] = "ALTER TABLE t ADD COLUMN y integer NOT NULL;\n" })
    local result = shadow
      "--release db/0005_t.up.sql db/0006_t.up.sql --history db"
    assert.equal(0, result.status, result.all)
    assert.truthy(result.out:find("this release can be rolled back: the "
      .. "older code can run", 1, true), result.out)
  end)
end)

describe("the older code's statements", function()
  local LINES = [[
{"query": "SELECT id, email FROM users WHERE id = $1", "calls": 12}
{"query": "SELECT name FROM users", "calls": 3}
{"query": "SELECT 1 FROM users WHERE age > interval $2", "calls": 1}
]]

  before_each(function() A.files("db", A.HISTORY) end)

  it("are prepared before and after, and never run", function()
    cli.write("old.ndjson", LINES)
    local result = shadow
      "--release db/0004_email.up.sql --history db --statements old.ndjson"
    assert.equal(5, result.status, result.all)
    assert.truthy(result.out:find("statement_broken", 1, true), result.out)
    assert.truthy(result.out:find("SELECT id, email FROM users", 1, true))
    assert.truthy(result.out:find("1 broken, 1 untestable", 1, true),
      result.out)
  end)

  it("may be plain SQL, and pass", function()
    cli.write("old.sql", "SELECT name FROM users;\nDELETE FROM users;\n")
    local result = shadow
      "--release db/0002_age.up.sql --history db --statements old.sql --json"
    assert.equal(0, result.status, result.all)
    local list = A.objects(result)
    assert.equal(2, list[1].witnesses.statements.tested)
    assert.equal("compatible", list[1].witnesses.statements.verdict)
  end)

  it("that cannot be read are refused", function()
    local result = shadow "db --statements nowhere.sql"
    assert.equal(2, result.status)
    assert.truthy(result.err:find("nowhere.sql", 1, true))
    assert.equal("", left())
  end)
end)

describe("whoever ends it", function()
  local function ended_by(signal)
    A.files("db", A.HISTORY)
    cli.write("go", ([[
env TMPDIR=%s %s assess db --shadow >out 2>err & pid=$!
for i in $(seq 300); do
  ls tmp/*/* >/dev/null 2>&1 && break
  sleep 0.05
done
kill -%s "$pid"
wait "$pid"
echo $? >status
for i in $(seq 300); do
  test -z "$(ls tmp)" && break
  sleep 0.05
done
]]):format(cli.path "tmp", cli.rbrun, signal))
    cli.sh "bash -m go"
    assert.equal("", left())
    return cli.read "status":match "%d+", cli.read "err"
  end

  it("with Ctrl-C: it says so, and nothing is left", function()
    local status, err = ended_by "INT"
    assert.equal("130", status, err)
    assert.truthy(err:find("interrupted", 1, true), err)
  end)

  it("with kill -9: nothing is left", function()
    assert.equal("137", (ended_by "KILL"))
  end)
end)

it("a place where no scratch database can be made is named", function()
  A.files("db", A.HISTORY)
  local result = A.run("db --shadow", "TMPDIR=/proc/nowhere")
  assert.equal(2, result.status, result.all)
  assert.truthy(result.err:find("/proc/nowhere", 1, true), result.err)
  assert.truthy(result.err:find("state: production is untouched", 1, true))
end)
