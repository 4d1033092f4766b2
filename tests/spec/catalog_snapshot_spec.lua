-- snapshot.catalog: what it keeps, where, and that a later call finds it.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

local COMMIT = ("a1"):rep(20)

describe("snapshot.catalog", function()
  local cluster, dir, state, base

  setup(function()
    cluster = P.cluster("-c", "shared_preload_libraries=pg_stat_statements")
    base = P.database(cluster, [[
      CREATE EXTENSION pg_stat_statements;
      CREATE TABLE users (id int PRIMARY KEY, name text);
      CREATE TABLE schema_migrations (version bigint PRIMARY KEY,
        dirty boolean NOT NULL);
      INSERT INTO schema_migrations VALUES (3, false);]])
  end)
  teardown(function() P.stop_cluster(cluster) end)
  before_each(function()
    dir = P.scratch()
    state = dir .. "/state"
    os.execute("mkdir " .. state)
  end)
  after_each(function() P.remove(dir) end)

  local function take(args, more)
    more = more or {}
    return P.call(dir, { driver = "pg_dump", verb = "snapshot.catalog",
      args = args or { commit = COMMIT }, key = more.key,
      binding = { url = ("host=%s user=%s dbname=%s"):format(cluster.socket,
        more.user or "postgres", more.base or base) },
      environment = more.state == false and "env -u RBRUN_STATE"
        or "RBRUN_STATE=" .. (more.state or state) })
  end

  local function files()
    local list = P.output("find " .. state .. " -type f -printf '%f\\n'")
    local out = {}
    for name in list:gmatch "[^\n]+" do out[#out + 1] = name end
    table.sort(out)
    return out
  end

  it("keeps the catalog, the ledger and the statements, by hash", function()
    P.sql(cluster, base, "SELECT pg_stat_statements_reset();" ..
      "SELECT name FROM users WHERE id = 7; SELECT 1 + 2;" ..
      "CREATE ROLE tmp PASSWORD 'hush'; DROP ROLE tmp")
    local a = take()
    assert.equal("ok", a.outcome, a.message)
    local v = a.value
    assert.same({ COMMIT, base, "3", 3 },
                { v.commit, v.database, v.version, v.statements })
    local record = json.decode(P.slurp(v.path))
    assert.same({ "golang-migrate", "3" },
                { record.ledger.tool, record.ledger.version })
    assert.equal(v.id, record.catalog.sha256)
    local folder = v.path:match "^(.*)/"
    local text = P.slurp(folder .. "/" .. v.id .. ".catalog")
    assert.equal(v.id, P.output("sha256sum " .. folder .. "/" .. v.id ..
                                ".catalog"):match "^%x+")
    assert.equal("users", json.decode(text).relations[1].name)
    local kept = P.slurp(folder .. "/" .. record.statements.sha256 ..
                         ".statements")
    assert.matches('"prepared":true,"query":"SELECT name FROM users WHERE ' ..
                   'id = $1"', kept, 1, true)
    -- What the older schema does not take either says nothing later.
    assert.matches('"query":"SELECT $1 + $2","state":"42725"', kept, 1, true)
    assert.is_nil(kept:find("hush", 1, true))
    assert.is_nil(kept:find("rbrun", 1, true))
    assert.is_true(record.statements.skipped >= 2)
    assert.matches("^%d+%-%d+%-%d+T", record.statements.since)
    assert.equal(3, #files())
  end)

  it("gives the same answer to the same call, and another to the next",
     function()
    local first = take().value
    local again = take().value
    assert.same(first, again)
    local other = take(nil, { key = ("b"):rep(64) }).value
    assert.is_true(other.taken_at > first.taken_at)
  end)

  it("goes without statements, and says so", function()
    local bare = P.database(cluster, "CREATE TABLE t (a int)")
    local v = take(nil, { base = bare }).value
    assert.same({ 0, nil }, { v.statements, v.version })
    assert.matches("not created in this database", v.no_statements)
    P.sql(cluster, base, "CREATE ROLE visitor LOGIN;")
    finally(function() P.sql(cluster, base, "DROP ROLE visitor") end)
    v = take(nil, { user = "visitor", key = ("d"):rep(64) }).value
    local record = json.decode(P.slurp(v.path))
    assert.is_true(record.statements.hidden > 0, json.encode(record))
    assert.equal(0, v.statements)
  end)

  it("refuses what is no commit, and needs a place", function()
    local a = take { commit = "v2.4.0" }
    assert.equal("rejected", a.outcome)
    assert.matches("not the full name of a commit", a.message)
    a = take(nil, { state = false })
    assert.equal("retryable", a.outcome)
    assert.matches("no state directory", a.message)
    a = take(nil, { state = "/proc" })
    assert.equal("retryable", a.outcome)
    assert.matches("cannot make /proc/catalogs", a.message)
    a = take(nil, { base = "nowhere" })
    assert.equal("not_found", a.outcome)
    assert.same({}, files())
  end)

  it("leaves nothing half-written when it is killed", function()
    local command = P.command(dir, { driver = "pg_dump",
      verb = "snapshot.catalog", args = { commit = COMMIT },
      environment = "RBRUN_STATE=" .. state, key = ("c"):rep(64),
      binding = { url = ("host=%s user=postgres dbname=%s"):format(
        cluster.socket, base) } })
    for _, ms in ipairs { 5, 15, 30, 60 } do
      P.output(("timeout -s KILL 0.%03d sh -c %s 2>&1"):format(ms,
        P.quote(command)))
    end
    for _, name in ipairs(files()) do
      local path = P.output("find " .. state .. " -name " .. name):match "%S+"
      if name:find "%.json$" then
        assert.truthy(json.decode(P.slurp(path)))
      end
    end
    assert.equal("ok", take().outcome)
  end)
end)
