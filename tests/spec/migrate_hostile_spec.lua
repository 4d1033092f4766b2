-- Ways in which a step down could lose rows that nobody was told of, or reach
-- another database than the copy that it is tried on.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

local ledger = [[CREATE TABLE schema_migrations
  (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
  INSERT INTO schema_migrations VALUES (2, false);]]

describe("what a step down would lose", function()
  local cluster, dir, repo, keys, base

  setup(function()
    cluster = P.cluster()
    keys = 0
  end)
  teardown(function() P.stop_cluster(cluster) end)
  before_each(function()
    dir = P.scratch()
    repo = dir .. "/repo"
    P.commit(repo, "old", { ["m/1_first.up.sql"] = "SELECT 1;" })
  end)
  after_each(function() P.remove(dir) end)

  local function url(role)
    return ("host=%s user=%s dbname=%s"):format(cluster.socket,
                                                role or "postgres", base)
  end

  local function call(verb, args, more)
    local binding = { repo = repo, migrations = "m", url = url(),
                      snapshots = dir .. "/snapshots" }
    keys = keys + 1
    for k, v in pairs(more or {}) do binding[k] = v end
    args.expect, args.at = "2", "new"
    return P.call(dir, { driver = "postgres", verb = "migrate." .. verb,
      args = args, binding = binding, key = ("%064x"):format(keys),
      environment = "RBRUN_STATE=" .. dir })
  end

  local function step(schema, down, up)
    base = P.database(cluster, ledger .. schema)
    P.commit(repo, "new", { ["m/2_step.up.sql"] = up or "SELECT 1;",
                            ["m/2_step.down.sql"] = down })
  end

  local function item(a, kind, object)
    assert.equal("ok", a.outcome, json.encode(a))
    for _, one in ipairs(a.value.items) do
      if one.kind == kind and one.object == object then return one end
    end
    error("no " .. kind .. " of " .. object .. " in " .. json.encode(a.value))
  end

  it("is not told from the rows that a policy lets the role see", function()
    step([[CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2);
      ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY none ON t USING (false);
      CREATE ROLE of_rows LOGIN; ALTER TABLE t OWNER TO of_rows;
      ALTER TABLE schema_migrations OWNER TO of_rows;
      GRANT CREATE ON SCHEMA public TO of_rows;]], "DROP TABLE t;")
    local one = item(call("loss", {}, { url = url "of_rows" }),
                     "table_dropped", "public.t")
    assert.is_nil(one.rows)
    assert.matches("row%-level security", one.text)
  end)

  it("counts values that USING writes anew, whatever their type", function()
    step([[CREATE TABLE t (a text, b int, c text);
      INSERT INTO t VALUES ('x', 1, 'y'), ('z', 2, 'y');]],
      [[ALTER TABLE t ALTER a TYPE text USING NULL,
        ALTER b TYPE bigint USING 0, ALTER c TYPE text USING c::text;]])
    local a = call("loss", {})
    assert.equal(2, item(a, "rows_changed", "public.t").rows)
  end)

  it("does not take rounding for a change without loss", function()
    step("CREATE TABLE t (n numeric); INSERT INTO t VALUES (1.5), (2);",
         "ALTER TABLE t ALTER n TYPE int;")
    assert.equal(2, item(call("loss", {}), "type_changed", "public.t.n").rows)
  end)

  it("does not forget what has long names in other alphabets", function()
    local schema, kind = ("я"):rep(30), "x" .. ("щ"):rep(30)
    step(([[CREATE SCHEMA %s; CREATE TYPE %s.%s AS ENUM ('a');
      CREATE TABLE t (k %s.%s); INSERT INTO t VALUES ('a');]]):format(
      schema, schema, kind, schema, kind),
      "ALTER TABLE t ALTER k TYPE text;")
    assert.equal(1, item(call("loss", {}), "type_changed", "public.t.k").rows)
  end)

  it("counts the tables that TRUNCATE .. CASCADE also empties", function()
    step([[CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
      CREATE TABLE c (id int REFERENCES p); INSERT INTO c VALUES (1), (1);]],
      "TRUNCATE p CASCADE;")
    local a = call("loss", {})
    assert.equal(1, item(a, "rows_changed", "public.p").rows)
    assert.equal(2, item(a, "rows_changed", "public.c").rows)
  end)

  it("keeps the copy from other servers that the live one may reach",
     function()
    step([[CREATE EXTENSION postgres_fdw;]], "DELETE FROM far;")
    P.sql(cluster, base, ([[CREATE TABLE near (id int);
      INSERT INTO near VALUES (1);
      CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw
        OPTIONS (host '%s', dbname '%s');
      CREATE USER MAPPING FOR postgres SERVER s OPTIONS (user 'postgres');
      CREATE FOREIGN TABLE far (id int) SERVER s
        OPTIONS (table_name 'near');]]):format(cluster.socket, base))
    local a = call("rehearse", {})
    assert.equal("1", P.sql(cluster, base, "SELECT count(*) FROM near"))
    assert.is_false(a.value.applies)
    assert.matches("user mapping not found", a.value.error)
  end)
end)
