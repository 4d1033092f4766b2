-- The older code's statements as a witness (core/drivers/pg_statements.h):
-- parsed against a live schema, never executed.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"
local tool = (os.getenv "RBRUN_BUILD" or "build") ..
  "/tests/catalog-statements"
if tool:sub(1, 1) ~= "/" then
  tool = P.output("pwd"):gsub("\n", "") .. "/" .. tool
end

describe("the statements of older code", function()
  local cluster, base, dir

  setup(function() cluster = P.cluster() end)
  teardown(function() P.stop_cluster(cluster) end)
  before_each(function()
    dir = P.scratch()
    base = P.database(cluster, [[
      CREATE TYPE st AS ENUM ('new', 'open');
      CREATE TABLE users (id serial PRIMARY KEY, name text, st st,
        at timestamptz DEFAULT now());
      CREATE FUNCTION f1(a int) RETURNS int LANGUAGE sql AS 'SELECT a';]])
  end)
  after_each(function() P.remove(dir) end)

  local function ask(way, text, at)
    local file = P.spew(dir .. "/list", text)
    local out = P.output(("%s %s %s %s 2>&1"):format(tool, P.quote(
      ("host=%s user=postgres dbname=%s"):format((at or cluster).socket,
        base)), way, P.quote(file)))
    return json.decode(out) or out
  end

  local function states(answer)
    local out = {}
    for i, b in ipairs(answer.broken) do
      out[i] = b.code .. " " .. (b.object or "-")
    end
    return out
  end

  it("pass where the schema has what they name", function()
    local a = ask("test", "SELECT name FROM users WHERE id = 4;" ..
      "INSERT INTO users (name) VALUES ('x'); SELECT f1(3);" ..
      "UPDATE users SET st = 'open'; DELETE FROM users")
    assert.same({ 5, 5, 0, 0 }, { a.tested, a.passed, a.broken_count,
                                  a.untestable })
    -- None was executed.
    assert.equal("0|1", P.sql(cluster, base, "SELECT count(*), " ..
      "nextval('users_id_seq') FROM users"))
  end)

  it("are broken by what is missing, with the object", function()
    local a = ask("test", "SELECT gone FROM users;SELECT * FROM nobody;" ..
      "SELECT f2(1);SELECT 1::missing;SELECT u.\"Odd\" FROM users u;" ..
      "SELECT id FROM users WHERE st = 'closed';" ..
      "SELECT id FROM users a JOIN users b ON a.id = b.id;" ..
      "INSERT INTO users (gone) VALUES (1)")
    assert.same({ "42703 gone", "42P01 nobody", "42883 f2", "42704 missing",
      '42703 u."Odd"', "22P02 -", "42702 id", "42703 gone" }, states(a))
    assert.equal(8, a.broken_count)
    assert.equal("SELECT gone FROM users", a.broken[1].statement)
    assert.matches("does not exist", a.broken[1].text)
  end)

  it("are untestable, and no pass, where a constant's type is lost",
     function()
    local a = ask("test", [[
      {"query":"SELECT $1 + $2","calls":5}
      {"query":"SELECT * FROM users WHERE at > now() - interval $1"}
      {"query":"SELECT 1; DROP TABLE users"}
      {"query":"SELECT f2($1)"}]])
    assert.same({ 4, 0, 3, 1 }, { a.tested, a.passed, a.untestable,
                                  a.broken_count })
    assert.same({ ["42725"] = 1, ["42601"] = 2 }, a.untestable_codes)
    assert.same({ "42883 f2" }, states(a))
    assert.equal("1", P.sql(cluster, base, "SELECT count(*) FROM pg_class " ..
                            "WHERE relname = 'users'"))
  end)

  it("tell only news where the older schema was asked before", function()
    local marked = ask("mark", "SELECT name FROM users;" ..
                       "SELECT temporary FROM elsewhere;SELECT f1(1)")
    assert.is_true(marked[1].prepared)
    assert.equal("42P01", marked[2].state)
    P.sql(cluster, base, "ALTER TABLE users RENAME name TO title;" ..
          "CREATE FUNCTION f1(a int, b int DEFAULT 0) RETURNS int " ..
          "LANGUAGE sql AS 'SELECT a'; DROP FUNCTION f1(int);" ..
          "CREATE FUNCTION f1(a int, c text DEFAULT '') RETURNS int " ..
          "LANGUAGE sql AS 'SELECT a';")
    local a = ask("test", json.encode(marked))
    assert.same({ "42703 name", "42725 f1" }, states(a))
    assert.same({ ["42P01"] = 1 }, a.untestable_codes)
  end)

  it("are skipped and counted where parsing says nothing of them", function()
    local a = ask("test", "SET search_path = x;-- why\nBEGIN;/* a */ SELECT" ..
      " 1;COMMIT;DROP TABLE nobody;(SELECT 2)")
    assert.same({ 4, 2, 2 }, { a.skipped, a.tested, a.passed })
    assert.equal("1", P.sql(cluster, base, "SELECT count(*) FROM pg_class " ..
                            "WHERE relname = 'users'"))
  end)

  it("do not wait for long, and let go of their locks", function()
    local pid = P.session(cluster, base, "SET application_name = 'holder';" ..
      "BEGIN; LOCK TABLE users; SELECT pg_sleep(600)")
    finally(function() P.stop(pid) end)
    P.until_true(cluster, [[SELECT count(*) = 1 FROM pg_locks
      JOIN pg_stat_activity USING (pid) WHERE granted
      AND application_name = 'holder' AND mode = 'AccessExclusiveLock']])
    local a = ask("test", "SELECT name FROM users; SELECT f1(1)")
    assert.same({ ["55P03"] = 1 }, a.untestable_codes)
    assert.equal(1, a.passed)
  end)

  it("are asked on a standby as far as that goes", function()
    local standby = P.standby(cluster)
    local a = P.eventually(function()
      local got = ask("test", "SELECT name FROM users;SELECT nope FROM users",
                      standby)
      return type(got) == "table" and got
    end, "the standby")
    assert.same({ 1, 1 }, { a.passed, a.broken_count })
  end)

  it("come from a file that says where it is wrong", function()
    assert.matches("line 2: .*query", ask("test",
      '{"query":"SELECT 1"}\n{"text":"x"}'))
    assert.matches("line 1: ", ask("test", '{"query":'))
    assert.matches("syntax error", ask("test", "SELEC 1"))
  end)
end)
