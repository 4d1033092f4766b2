-- The document of a live catalog (core/drivers/pg_catalog.h): what is in it,
-- what is not, and who may read it.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"
local tool = (os.getenv "RBRUN_BUILD" or "build") .. "/tests/catalog-document"
if tool:sub(1, 1) ~= "/" then
  tool = P.output("pwd"):gsub("\n", "") .. "/" .. tool
end

describe("a live catalog", function()
  local cluster

  setup(function() cluster = P.cluster() end)
  teardown(function() P.stop_cluster(cluster) end)

  local function try(base, more, at, seconds)
    local url = ("host=%s user=postgres dbname=%s %s"):format(
      (at or cluster).socket, base, more or "")
    return P.output(("%s %s %d 2>&1"):format(tool, P.quote(url),
                                             seconds or 5))
  end

  local function read(base, more, at)
    local text = try(base, more, at)
    local document, _, problem = json.decode(text)
    assert(document, problem and text)
    return document
  end

  local function named(list, name)
    for _, one in ipairs(list or {}) do
      if one.name == name then return one end
    end
    error("there is no " .. name)
  end

  it("has tables with their columns, keys and indexes", function()
    local d = read(P.database(cluster, [[
      CREATE TABLE parent (a int, b int, PRIMARY KEY (b, a));
      CREATE TYPE mood AS ENUM ('sad', 'glad');
      CREATE TABLE "odd ""one" ("a b" int GENERATED ALWAYS AS IDENTITY,
        m mood[] DEFAULT '{sad}', t varchar(9) COLLATE "C" NOT NULL,
        g int GENERATED ALWAYS AS ("a b" * 2) STORED, x int, y int,
        CONSTRAINT far FOREIGN KEY (x, y) REFERENCES parent (a, b)
          ON DELETE CASCADE, CHECK (x > 0));
      CREATE UNIQUE INDEX part ON "odd ""one" (lower(t), x) INCLUDE (y)
        WHERE y > 1;]]))
    local t = named(d.relations, 'odd "one')
    assert.same({ "table", "p", "postgres" },
                { t.kind, t.persistence, t.owner })
    local c = t.columns
    assert.same({ attnum = 1, name = "a b", type = "integer",
                  not_null = true, identity = "a" }, c[1])
    assert.same({ attnum = 2, name = "m", type = "public.mood[]",
                  type_id = { schema = "public", name = "mood" },
                  default = "'{sad}'::public.mood[]" }, c[2])
    assert.same({ "character varying(9)", "C", true },
                { c[3].type, c[3].collation, c[3].not_null })
    assert.same({ "s", '("a b" * 2)' }, { c[4].generated, c[4].default })
    local far = named(t.constraints, "far")
    assert.same({ "x", "y" }, far.columns)
    assert.same({ "parent", { "a", "b" }, "c", "a" },
      { far.references.name, far.references.columns,
        far.references.on_delete, far.references.on_update })
    local part = named(t.indexes, "part")
    assert.same({ { expression = "lower(t::text)" }, "x" }, part.columns)
    assert.same({ "y" }, part.include)
    assert.same({ true, true, "(y > 1)" },
                { part.unique, part.valid, part.predicate })
    assert.same({ "b", "a" },
                named(d.relations, "parent").constraints[1].columns)
    assert.same({ "sad", "glad" }, named(d.types, "mood").labels)
  end)

  it("has views, functions, partitions, policies, rights", function()
    local d = read(P.database(cluster, [[
      CREATE ROLE reader;
      CREATE TABLE t (a int, d date) PARTITION BY RANGE (d);
      CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2020-01-01')
        TO ('2021-01-01');
      CREATE VIEW v AS SELECT a FROM t;
      CREATE FUNCTION f(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql
        AS 'SELECT a';
      ALTER TABLE t ENABLE ROW LEVEL SECURITY;
      CREATE POLICY p ON t FOR SELECT TO reader USING (a > 1);
      GRANT SELECT, UPDATE (a) ON t TO reader;
      CREATE EXTENSION btree_gist;
      CREATE TYPE r AS RANGE (subtype = int);]]))
    local t, t1 = named(d.relations, "t"), named(d.relations, "t1")
    assert.equal(t.id, t1.partition_of.id)
    assert.matches("FOR VALUES FROM", t1.partition_of.bound)
    assert.matches("d >= '2020%-01%-01'", t1.partition_of.constraint)
    assert.equal("RANGE (d)", t.partition_key)
    assert.same({ true, { "reader" }, "SELECT", "(a > 1)" },
      { t.row_security, t.policies[1].roles, t.policies[1].command,
        t.policies[1].using })
    assert.same({ "SELECT" }, t.acl.reader)
    assert.same({ "UPDATE" }, t.columns[1].acl.reader)
    local v = named(d.relations, "v")
    assert.same({ { id = t.id, column = 1 } }, v.depends)
    assert.is_true(v.updatable)
    local f = named(d.functions, "f")
    assert.same({ { "integer", "text" }, 1, "integer", "SELECT a" },
                { f.args, f.defaults, f.result, f.body })
    -- Not the extension's, nor what came with the range.
    assert.equal(1, #d.functions)
    assert.equal("btree_gist", d.extensions[1].name)
    assert.same({ "r" }, { d.types[1].name, d.types[2] })
  end)

  it("reads the same whatever the role's settings are", function()
    local base = P.database(cluster, [[
      CREATE SCHEMA app; CREATE TYPE app.st AS ENUM ('a');
      CREATE TABLE app.t (s app.st DEFAULT 'a',
        at timestamptz DEFAULT '2020-01-01 00:00:00+00', i interval
        DEFAULT '1 day');]])
    local function relations(more)
      return json.encode(read(base, more).relations, { keyorder = {} })
    end
    assert.equal(relations(), relations("options='-c search_path=app " ..
      "-c TimeZone=Asia/Tokyo -c IntervalStyle=iso_8601'"))
    local d = read(base, "options='-c search_path=app'")
    assert.same({ "app" }, d.search_path)
    assert.equal("app.st", named(d.relations, "t").columns[1].type)
  end)

  it("names what a role may not read", function()
    local base = P.database(cluster, [[CREATE ROLE blind LOGIN;
      CREATE TABLE t (a int);
      REVOKE SELECT ON pg_proc, pg_trigger FROM PUBLIC;]])
    finally(function() P.sql(cluster, "postgres", "DROP ROLE blind") end)
    local d = read(base, "user=blind")
    assert.same({ "triggers: permission denied for table pg_trigger",
                  "functions: permission denied for table pg_proc" },
                d.incomplete)
    assert.equal("t", d.relations[1].name)
    P.sql(cluster, base, "REVOKE SELECT ON pg_class FROM PUBLIC")
    assert.matches("^auth: .* permission denied for table pg_class",
                   try(base, "user=blind"))
  end)

  it("does not wait for a table that is locked, but for a view's", function()
    local base = P.database(cluster, "CREATE TABLE t (a int);")
    local pid = P.session(cluster, base, "SET application_name = 'holder';" ..
      "BEGIN; LOCK TABLE t; SELECT pg_sleep(600)")
    finally(function() P.stop(pid) end)
    P.until_true(cluster, [[SELECT count(*) = 1 FROM pg_locks
      JOIN pg_stat_activity USING (pid) WHERE granted
      AND application_name = 'holder' AND mode = 'AccessExclusiveLock']])
    assert.equal("t", read(base).relations[1].name)
    P.sql(cluster, base, "CREATE TABLE u (a int); CREATE VIEW v AS " ..
          "SELECT a FROM u")
    P.stop(pid)
    pid = P.session(cluster, base, "SET application_name = 'second';" ..
      "BEGIN; LOCK TABLE u; SELECT pg_sleep(600)")
    P.until_true(cluster, [[SELECT count(*) = 1 FROM pg_locks
      JOIN pg_stat_activity USING (pid) WHERE granted
      AND application_name = 'second' AND mode = 'AccessExclusiveLock']])
    assert.matches("^retryable: .*lock timeout", try(base, nil, nil, 1))
  end)

  it("tells names that are no UTF-8", function()
    P.sql(cluster, "postgres", "CREATE DATABASE ascii ENCODING 'SQL_ASCII' " ..
          "LOCALE 'C' TEMPLATE template0")
    P.sql(cluster, "ascii", "SET client_encoding = 'SQL_ASCII';" ..
          "CREATE TABLE \"caf\xe9\" (a int);")
    local d = read("ascii")
    assert.equal("caf\u{FFFD}", d.relations[1].name)
    assert.matches("not UTF%-8", d.incomplete[1])
  end)

  it("is read on a standby, too", function()
    local base = P.database(cluster, "CREATE TABLE t (a int);")
    local standby = P.standby(cluster)
    local text = P.eventually(function()
      local out = try(base, nil, standby)
      return out:find('"name":"t"', 1, true) and out
    end, "the standby")
    assert.same({}, json.decode(text).incomplete)
  end)
end)
