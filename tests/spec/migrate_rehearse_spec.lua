-- A step tried on a copy of the schema: what it says of applying, of the way
-- back, of locks and of rows, and that nothing of the trial is left.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

local golang = [[CREATE TABLE schema_migrations
  (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
  INSERT INTO schema_migrations VALUES (2, false);]]

local users = [[CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL,
  mail varchar(20) DEFAULT '', team int);
  INSERT INTO users SELECT i, 'n' || i, CASE WHEN i > 3 THEN 'm' || i ELSE ''
  END, i % 4 FROM generate_series(1, 10) i;]]

describe("a rehearsal of the postgres driver", function()
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
    base = P.database(cluster, golang .. users)
  end)
  after_each(function() P.remove(dir) end)

  local function call(verb, args, more)
    local binding = { repo = repo, migrations = "m", lock_timeout = "200ms",
      url = ("host=%s user=postgres dbname=%s"):format(cluster.socket, base) }
    keys = keys + 1
    for k, v in pairs(more or {}) do binding[k] = v end
    args.expect, args.at = args.expect or "2", args.at or "new"
    return P.call(dir, { driver = "postgres", verb = "migrate." .. verb,
      args = args, binding = binding, key = ("%064x"):format(keys),
      environment = "RBRUN_STATE=" .. dir })
  end

  local function step(up, down)
    os.execute(("cd %s && git tag -d new >/dev/null 2>&1"):format(repo))
    P.commit(repo, "new", { ["m/2_step.up.sql"] = up,
                            ["m/2_step.down.sql"] = down })
  end

  local function value(a)
    assert.equal("ok", a.outcome, json.encode(a))
    return a.value
  end

  it("says that the way back restores the schema, and what it locks",
     function()
    step("ALTER TABLE users ADD note text DEFAULT 'x';\n" ..
         "CREATE INDEX users_name ON users (name);",
         "DROP INDEX users_name;\nALTER TABLE users DROP note;")
    P.sql(cluster, base, "ALTER TABLE users ADD note text DEFAULT 'x';" ..
      "CREATE INDEX users_name ON users (name); ANALYZE users")
    local v = value(call("rehearse", {}))
    assert.is_true(v.applies)
    assert.equal("yes", v.restores, json.encode(v))
    assert.equal("down and up again", v.compared)
    assert.equal(2, v.statements)
    assert.equal(1, #v.locks)
    assert.equal("public.users", v.locks[1].relation)
    assert.equal("AccessExclusiveLock", v.locks[1].mode)
    assert.equal("none", v.locks[1].work)
    assert.equal(10, v.locks[1].rows)
    assert.equal("2|f", P.sql(cluster, base, "SELECT * FROM schema_migrations"))
    assert.equal("f", P.sql(cluster, base,
      "SELECT to_regclass('rbrun_effects') IS NOT NULL"))
  end)

  it("does not take a way back for one that only steps over things",
     function()
    step("ALTER TABLE users ADD IF NOT EXISTS note text;", "SELECT 1;")
    P.sql(cluster, base, "ALTER TABLE users ADD note text")
    local v = value(call("rehearse", {}))
    assert.is_true(v.applies)
    assert.equal("unknown", v.restores)
    assert.matches("neither down nor up changes", v.compared)
  end)

  it("compares with the catalog that was kept before the release", function()
    local commit = P.output(("git -C '%s' rev-parse old"):format(repo))
      :match "%x+"
    local a = P.call(dir, { driver = "pg_dump", verb = "snapshot.catalog",
      args = { commit = commit }, key = ("f"):rep(64),
      environment = "RBRUN_STATE=" .. dir,
      binding = { url = ("host=%s user=postgres dbname=%s"):format(
        cluster.socket, base) } })
    assert.equal("ok", a.outcome, a.message)
    step("ALTER TABLE users ADD IF NOT EXISTS note text;", "SELECT 1;")
    P.sql(cluster, base, "ALTER TABLE users ADD note text")
    local v = value(call("rehearse", { from = "old" }))
    assert.equal("no", v.restores, json.encode(v))
    assert.equal("the catalog kept of old", v.compared)
    assert.matches("^column public.users.note", v.extra[1])
    assert.same({}, v.missing)
    step("ALTER TABLE users ADD IF NOT EXISTS note text;",
         "ALTER TABLE users DROP note;")
    v = value(call("rehearse", { from = "old" }))
    assert.equal("yes", v.restores, json.encode(v))
  end)

  it("tells what the way back leaves behind and forgets", function()
    step("ALTER TABLE users ALTER name SET DEFAULT 'x', DROP team;" ..
         "CREATE TABLE extra (id int);",
         "ALTER TABLE users ADD team int, ALTER name DROP DEFAULT;" ..
         "DROP TABLE extra; CREATE INDEX u ON users (team);")
    P.sql(cluster, base, "ALTER TABLE users ALTER name SET DEFAULT 'x', " ..
      "DROP team; CREATE TABLE extra (id int)")
    local v = value(call("rehearse", {}))
    assert.is_true(v.applies)
    -- The way up drops team and its index again: this is a round trip.
    assert.equal("yes", v.restores, json.encode(v))
    step("CREATE TABLE extra (id int);",
         "DROP TABLE extra; CREATE INDEX u ON users (name); " ..
         "ALTER TABLE users ALTER name DROP NOT NULL;")
    v = value(call("rehearse", {}))
    assert.equal("no", v.restores)
    assert.same({ "index public.users.u" },
                { (v.extra[2] or v.extra[1]):match "^index public.users.u" })
    assert.matches("column public.users.name: not_null", v.missing[1])
  end)

  it("says why a step does not apply, and what has an invalid index",
     function()
    step("ALTER TABLE users ADD note text;", "ALTER TABLE users DROP name;")
    P.sql(cluster, base, "CREATE VIEW v AS SELECT name FROM users;" ..
      "INSERT INTO users VALUES (11, 'n1')")
    pcall(P.sql, cluster, base,
          "CREATE UNIQUE INDEX CONCURRENTLY bad ON users (name)")
    local v = value(call("rehearse", {}))
    assert.is_false(v.applies)
    assert.matches("other objects depend on it", v.error)
    assert.same({ "public.bad on users" }, v.invalid_indexes)
    assert.equal("unknown", v.restores)
  end)

  it("runs as the live role, and shows whom a lock would wait for", function()
    P.sql(cluster, base, [[CREATE ROLE app LOGIN;
      GRANT ALL ON schema_migrations, users TO app]])
    step("ALTER TABLE users ADD note text;", "ALTER TABLE users DROP name;")
    local v = value(call("rehearse", {}, { url =
      ("host=%s user=app dbname=%s"):format(cluster.socket, base) }))
    assert.is_false(v.applies)
    assert.matches("permission denied for schema public", v.error)
  end)

  it("leaves nothing behind, also when it is killed", function()
    step("ALTER TABLE users ADD note text;", "ALTER TABLE users DROP team;")
    local command = P.command(dir, { driver = "postgres",
      verb = "migrate.rehearse", args = { expect = "2", at = "new" },
      binding = { repo = repo, migrations = "m", scratch_directory = dir,
        url = ("host=%s user=postgres dbname=%s"):format(cluster.socket,
                                                         base) } })
    P.output("chmod 777 " .. dir)
    local pid = P.start(command:gsub("^cd .- && ", "env "), dir .. "/answer")
    local function folders()
      return P.output("ls " .. dir .. " | grep rbrun-scratch")
    end
    P.eventually(function() return folders() ~= "" end, "the scratch cluster")
    os.execute("kill -9 " .. pid)
    P.eventually(function() return folders() == "" end, "that it is gone")
  end)

  it("can use a database of another server, and drops it", function()
    step("ALTER TABLE users ADD note text;", "ALTER TABLE users DROP note;")
    P.sql(cluster, base, "ALTER TABLE users ADD note text")
    P.sql(cluster, "postgres", "CREATE DATABASE rbrun_scratch_dead_1")
    local v = value(call("rehearse", {}, { scratch =
      ("host=%s user=postgres dbname=postgres"):format(cluster.socket) }))
    assert.is_true(v.applies)
    assert.equal("yes", v.restores)
    assert.equal("", P.sql(cluster, "postgres", "SELECT datname FROM " ..
      "pg_database WHERE datname LIKE 'rbrun_scratch%'"))
  end)
end)
