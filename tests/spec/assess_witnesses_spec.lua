-- migrate.assess hears three witnesses: the catalog that snapshot.catalog
-- kept, the older code's statements, the migrations in git. On a real
-- PostgreSQL, with a real repository.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

local LEDGER = "CREATE TABLE schema_migrations " ..
  "(version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);" ..
  "INSERT INTO schema_migrations VALUES (1, false);"
local USERS = "CREATE TABLE users (id int PRIMARY KEY, name text, " ..
  "email varchar(50));"

describe("migrate.assess", function()
  local cluster, dir, repo, state, base, key

  setup(function()
    cluster = P.cluster("-c", "shared_preload_libraries=pg_stat_statements")
    repo = cluster.dir .. "/repo"
  end)
  teardown(function() P.stop_cluster(cluster) end)
  before_each(function()
    dir = P.scratch()
    state = dir .. "/state"
    os.execute("mkdir " .. state)
    key = 0
    base = P.database(cluster, LEDGER .. USERS)
    P.commit(repo, "v1", { ["m/1_users.up.sql"] = USERS,
                           ["m/1_users.down.sql"] = "DROP TABLE users;" })
  end)
  after_each(function()
    P.remove(dir)
    os.execute("rm -rf " .. repo)
  end)

  local function url(user)
    return ("host=%s user=%s dbname=%s"):format(cluster.socket,
                                                user or "postgres", base)
  end

  local function commit_of(tag)
    return (P.output("git -C " .. repo .. " rev-parse " .. tag)
            :gsub("%s", ""))
  end

  -- Each call is another one: a snapshot is taken once a call.
  local function call(driver, verb, args, more)
    local binding = { url = url() }
    for k, v in pairs(more or {}) do binding[k] = v end
    key = key + 1
    return P.call(dir, { driver = driver, verb = verb, binding = binding,
      args = args, environment = "RBRUN_STATE=" .. state,
      key = ("%064d"):format(key) })
  end

  local function keep(tag, more)
    local a = call("pg_dump", "snapshot.catalog",
                   { commit = commit_of(tag or "v1") }, more)
    assert.equal("ok", a.outcome, a.message)
    return a.value
  end

  local function assess(more, from, to)
    local binding = { repo = repo, migrations = "m" }
    for k, v in pairs(more or {}) do binding[k] = v end
    local a = call("postgres", "migrate.assess",
                   { from = from or "v1", to = to or "v2" }, binding)
    assert.equal("ok", a.outcome, a.message)
    return a.value
  end

  -- Version 2 is deployed: its file in git, its SQL on the database.
  local function deploy(text, ran, name)
    P.commit(repo, "v2", { ["m/" .. (name or "2_next.up.sql")] = text })
    P.sql(cluster, base, (ran or text) ..
          ";UPDATE schema_migrations SET version = 2;")
  end

  local function codes(list)
    local out = {}
    for i, r in ipairs(list) do out[i] = r.code .. " " .. (r.object or "") end
    return out
  end

  it("says compatible when catalog and text do, and whom it heard", function()
    keep()
    deploy "ALTER TABLE users ADD COLUMN age int"
    local v = assess()
    assert.equal("compatible", v.verdict, json.encode(v))
    assert.is_true(v.witnesses.catalog.heard)
    assert.equal("compatible", v.witnesses.catalog.verdict)
    assert.truthy(v.witnesses.catalog.taken_at)
    assert.same({ heard = true, verdict = "compatible" }, v.witnesses.text)
    assert.same({}, v.texts)
    assert.is_nil(v.disagreement)
  end)

  it("says that the text alone was heard", function()
    deploy "ALTER TABLE users ADD COLUMN age int"
    local v = assess()
    assert.equal("compatible", v.verdict)
    assert.is_false(v.witnesses.catalog.heard)
    assert.matches("text in git alone: no catalog of %x+ was kept",
                   v.texts[1])
  end)

  it("gives the catalog's finding with the text's line", function()
    keep()
    deploy "\n\nALTER TABLE users DROP COLUMN name"
    local v = assess()
    assert.equal("incompatible", v.verdict)
    assert.same({ "column_removed public.users.name" }, codes(v.reasons))
    assert.equal("m/2_next.up.sql", v.reasons[1].file)
    assert.equal(3, v.reasons[1].line)
    assert.truthy(v.reasons[1].safe)
  end)

  it("follows a rename by its number, and sees a change of type", function()
    keep()
    deploy("ALTER TABLE users RENAME name TO full_name;" ..
           "ALTER TABLE users ALTER email TYPE varchar(20)")
    local v = assess()
    assert.equal("incompatible", v.verdict)
    local found = codes(v.reasons)
    table.sort(found)
    assert.same({ "column_renamed public.users.name",
                  "column_type_narrowed public.users.email" }, found)
  end)

  it("believes the catalog where the text tells another", function()
    keep()
    -- By hand, past the migrations.
    deploy("ALTER TABLE users ADD COLUMN age int",
           "ALTER TABLE users ADD COLUMN age int;" ..
           "ALTER TABLE users DROP COLUMN email")
    local v = assess()
    assert.equal("incompatible", v.verdict)
    assert.equal("compatible", v.witnesses.text.verdict)
    assert.matches("changed past them", v.disagreement)
    assert.equal("column_removed public.users.email", codes(v.reasons)[1])
  end)

  it("says when a migration did not do what it says", function()
    keep()
    deploy("ALTER TABLE users DROP COLUMN email", "SELECT 1")
    local v = assess()
    assert.equal("compatible", v.verdict)
    assert.matches("the live schema still has it", v.disagreement)
    assert.same({ v.disagreement }, v.texts)
  end)

  it("keeps unknown what only the text can know", function()
    keep()
    deploy "UPDATE users SET name = upper(name)"
    local v = assess()
    assert.equal("compatible", v.witnesses.catalog.verdict)
    assert.equal("unknown", v.verdict)
    assert.equal("data_changed", v.reasons[1].code)
  end)

  it("gives cautions with their kind", function()
    keep()
    deploy "ALTER TABLE users ADD COLUMN data json"
    local v = assess()
    assert.equal("caution", v.verdict)
    assert.same({ "data" }, v.caution_kinds)
    assert.equal("json_column_added", v.cautions[1].code)
  end)

  it("does not hear a catalog that was taken too late", function()
    deploy "ALTER TABLE users DROP COLUMN name"
    keep()
    local v = assess()
    assert.is_false(v.witnesses.catalog.heard)
    assert.matches("taken when migration 2 had run",
                   v.witnesses.catalog.because)
    assert.equal("incompatible", v.verdict)
  end)

  it("takes the newest catalog that is the release's own", function()
    keep()
    deploy "ALTER TABLE users DROP COLUMN name"
    keep()
    local v = assess()
    assert.is_true(v.witnesses.catalog.heard)
    assert.equal("incompatible", v.verdict)
  end)

  it("does not hear another database's catalog, or a broken one", function()
    local kept = keep()
    local first = base
    base = P.database(cluster, LEDGER .. USERS)
    deploy "ALTER TABLE users ADD COLUMN age int"
    assert.matches("of other databases", assess().witnesses.catalog.because)
    base = first
    P.sql(cluster, base, "UPDATE schema_migrations SET version = 2")
    local file = kept.path:match "^(.*)/" .. "/" .. kept.id .. ".catalog"
    P.spew(file, P.slurp(file):gsub("users", "usurp", 1))
    local v = assess()
    assert.is_false(v.witnesses.catalog.heard)
    assert.matches("its hash differs", v.witnesses.catalog.because)
  end)

  it("says unknown where a part of the catalog could not be read", function()
    P.sql(cluster, base, "CREATE ROLE half LOGIN;" ..
      "GRANT ALL ON ALL TABLES IN SCHEMA public TO half;" ..
      "REVOKE SELECT ON pg_policy FROM PUBLIC")
    finally(function()
      P.sql(cluster, base, "DROP OWNED BY half; DROP ROLE half")
    end)
    local kept = keep("v1", { url = url "half" })
    assert.matches("^policies: permission denied", kept.incomplete[1])
    deploy "ALTER TABLE users ADD COLUMN age int"
    local v = assess()
    assert.equal("unknown", v.verdict)
    assert.equal("catalog_incomplete", v.reasons[1].code)
  end)

  describe("asks with the older code's statements", function()
    local function speak(text)
      P.sql(cluster, base, "CREATE EXTENSION IF NOT EXISTS " ..
            "pg_stat_statements; SELECT pg_stat_statements_reset();" .. text)
    end

    it("as they were kept with the catalog", function()
      speak("SELECT name FROM users WHERE id = 4;" ..
            "SELECT id FROM users WHERE email = 'x';" .. "SELECT 1 + 2")
      local kept = keep()
      assert.is_true(kept.statements >= 3)
      deploy "ALTER TABLE users ADD COLUMN age int"
      local s = assess().witnesses.statements
      assert.same({ true, "snapshot", 0 },
                  { s.heard, s.source, s.broken_count })
      assert.is_true(s.tested >= 2 and s.untestable >= 1, json.encode(s))
    end)

    it("and calls broken what the older schema took", function()
      -- A column that a join now finds twice: no catalog can tell.
      P.sql(cluster, base, "CREATE TABLE notes (user_id int, text text)")
      speak "SELECT name, text FROM users JOIN notes ON id = user_id"
      keep()
      deploy "ALTER TABLE notes ADD COLUMN name text"
      local v = assess()
      assert.equal("compatible", v.witnesses.catalog.verdict)
      assert.equal("incompatible", v.verdict)
      assert.same({ "statement_broken name" }, codes(v.reasons))
      assert.equal("42702", v.reasons[1].detail)
      assert.equal(1, v.witnesses.statements.broken_count)
    end)

    it("from a file", function()
      P.spew(dir .. "/app.sql", "SELECT email FROM users;\nSELECT nonsense")
      deploy "ALTER TABLE users DROP COLUMN email"
      local v = assess { statements = dir .. "/app.sql" }
      local s = v.witnesses.statements
      assert.same({ "file", 2, 2 }, { s.source, s.tested, s.broken_count })
      v = assess { statements = dir .. "/nothing" }
      assert.matches("cannot open", v.witnesses.statements.because)
    end)

    it("as they are now: a doubt, and none beside a catalog", function()
      speak "SELECT email FROM users"
      deploy "ALTER TABLE users ADD COLUMN age int"
      P.sql(cluster, base, "ALTER TABLE users DROP COLUMN email")
      local v = assess()
      assert.equal("live", v.witnesses.statements.source)
      assert.equal("unknown", v.verdict)
      assert.equal("statement_broken", v.reasons[1].code)
    end)
  end)
end)
