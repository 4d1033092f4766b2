-- A step that is cut off: the driver killed, the server's process killed, at
-- points where nobody can tell by looking at one side. Whatever happens, the
-- probe tells the truth and no step happens twice.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

-- A commit that waits for ever in a trigger deferred to it.
local slow_commit = [[
  CREATE TABLE schema_migrations
    (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
  CREATE TABLE gate (name text);
  CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON gate
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_here();]]

describe("a step of the postgres driver that is cut off", function()
  local cluster, dir, base

  setup(function()
    cluster = P.cluster()
    P.sql(cluster, "postgres", [[CREATE ROLE app SUPERUSER LOGIN;
      ALTER ROLE postgres SET synchronous_commit = local]])
    P.commit(cluster.dir .. "/repo", "v1", {
      ["m/1_gate.up.sql"] = "CREATE TABLE made (i int);\n" ..
                            "INSERT INTO gate VALUES ('x');\n",
      ["m/1_gate.down.sql"] = "DROP TABLE made;\n",
    })
    P.commit(cluster.dir .. "/repo", "slow", {
      ["m/1_gate.up.sql"] = "CREATE TABLE made (i int);\n" ..
                            "SELECT pg_sleep(600);\n",
    })
    P.commit(cluster.dir .. "/repo", "plain", {
      ["m/1_gate.up.sql"] = "CREATE TABLE made (i int);\n",
    })
    P.commit(cluster.dir .. "/repo", "alone", {
      ["m/1_gate.up.sql"] = "CREATE INDEX CONCURRENTLY ix ON gate (name);\n",
    })
  end)
  teardown(function() P.stop_cluster(cluster) end)

  before_each(function()
    dir = P.scratch()
    base = P.database(cluster, slow_commit)
  end)
  after_each(function()
    P.sql(cluster, "postgres", ([[SELECT count(pg_terminate_backend(pid))
      FROM pg_stat_activity WHERE datname = '%s']]):format(base))
    P.remove(dir)
  end)

  local function description(at)
    return { driver = "postgres", verb = "migrate.up",
             args = { expect = "", at = at or "v1" },
             binding = { repo = cluster.dir .. "/repo", migrations = "m",
               without = { "rehearsal", "snapshot" },
               url = ("host=%s user=app dbname=%s"):format(cluster.socket,
                                                           base) } }
  end

  local function begin(at)
    local command = P.command(dir, description(at)):gsub("^cd .- && ", "env ")
    return P.start(command, dir .. "/answer")
  end

  -- The answer is the line behind those of the progress.
  local function answer(pid)
    P.eventually(function() return not P.alive(pid) end, "the driver")
    return json.decode((P.slurp(dir .. "/answer"):match "{.*}"))
  end

  local function backend(condition)
    P.until_true(cluster, ([[SELECT count(*) = 1 FROM pg_stat_activity
      WHERE datname = '%s' AND usename = 'app' AND %s]]):format(base,
                                                                condition))
  end

  local function kill_backend()
    P.sql(cluster, "postgres", ([[SELECT pg_terminate_backend(pid)
      FROM pg_stat_activity WHERE datname = '%s' AND usename = 'app']])
      :format(base))
  end

  local function state()
    return P.sql(cluster, base, [[SELECT
      (SELECT count(*) FROM schema_migrations WHERE version = 1) || ' ' ||
      (to_regclass('made') IS NOT NULL)::int]])
  end

  local function probe(at)
    local d = description(at)
    d.probe = true
    return P.call(dir, d)
  end

  local function open_the_gate()
    P.sql(cluster, base, "DROP TRIGGER at_commit ON gate")
  end

  local function again(at)
    local a = P.call(dir, description(at))
    assert.equal("ok", a.outcome, json.encode(a))
    assert.equal("1", a.value.version)
    assert.equal("1 1", state())
  end

  local in_commit = "query = 'COMMIT' AND wait_event = 'PgSleep'"
  local in_statement = "query LIKE 'SELECT pg_sleep%' AND " ..
                       "wait_event = 'PgSleep'"

  it("by the server in a statement has certainly not happened", function()
    local pid = begin "slow"
    backend(in_statement)
    kill_backend()
    local a = answer(pid)
    assert.equal("retryable", a.outcome, json.encode(a))
    assert.matches("run line 2 of m/1_gate.up.sql", a.message)
    assert.equal("0 0", state())
    assert.is_false(probe().value.applied)
    again "plain"
  end)

  it("by the server at COMMIT is looked up: not committed", function()
    local pid = begin()
    backend(in_commit)
    kill_backend()
    local a = answer(pid)
    assert.equal("retryable", a.outcome, json.encode(a))
    assert.matches("the server has not committed it", a.message)
    assert.equal("0 0", state())
    open_the_gate()
    again()
  end)

  -- With a synchronous standby that never answers, the server commits and
  -- then waits: killed there, it has committed and cannot say so.
  local function hold_commits()
    P.sql(cluster, "postgres",
          "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    P.sql(cluster, "postgres", "SELECT pg_reload_conf()")
    P.until_true(cluster, [[SELECT current_setting(
      'synchronous_standby_names') = 'nobody']])
  end

  local function release_commits()
    P.sql(cluster, "postgres",
          "ALTER SYSTEM RESET synchronous_standby_names")
    P.sql(cluster, "postgres", "SELECT pg_reload_conf()")
  end

  -- The table of effects is made by the driver's first call, which would
  -- have to wait as well: let a call that changes nothing make it.
  local function prepare_effects()
    local d = description "plain"
    d.args.expect = "99"
    assert.equal("conflict", P.call(dir, d).outcome)
  end

  it("by the server behind COMMIT is looked up: committed", function()
    open_the_gate()
    prepare_effects()
    hold_commits()
    finally(release_commits)
    local pid = begin()
    backend "query = 'COMMIT' AND wait_event = 'SyncRep'"
    kill_backend()
    local a = answer(pid)
    assert.equal("ok", a.outcome, json.encode(a))
    assert.equal("1", a.value.version)
    assert.equal("1 1", state())
  end)

  it("by killing the driver in a statement has not happened", function()
    local pid = begin "slow"
    backend(in_statement)
    P.stop(pid)
    -- The server notices that its client is gone; the probe waits for it.
    assert.is_false(probe().value.applied)
    assert.equal("0 0", state())
    again "plain"
  end)

  it("by killing the driver at COMMIT is told by the probe", function()
    local pid = begin()
    backend(in_commit)
    P.stop(pid)
    assert.is_false(probe().value.applied)
    open_the_gate()
    again()
  end)

  it("by killing the driver behind COMMIT is told by the probe", function()
    open_the_gate()
    prepare_effects()
    hold_commits()
    finally(release_commits)
    local pid = begin()
    backend "query = 'COMMIT' AND wait_event = 'SyncRep'"
    P.stop(pid)
    -- What is committed but still waits is visible to nobody: a probe that
    -- did not wait for it would say that nothing happened.
    local d = description()
    d.probe = true
    local asked = P.start((P.command(dir, d):gsub("^cd .- && ", "env ")),
                          dir .. "/answer")
    backend "wait_event_type = 'Lock' AND query LIKE '%LOCK TABLE%'"
    release_commits()
    local p = answer(asked)
    assert.is_true(p.value.applied, json.encode(p))
    assert.equal("1", p.value.value.version)
    again()
    assert.equal("1", P.sql(cluster, base,
                            "SELECT count(*) FROM rbrun_effects"))
  end)

  it("outside of a transaction is not guessed at", function()
    open_the_gate()
    local holder = P.session(cluster, base, [[SET application_name = 'old';
      BEGIN; INSERT INTO gate VALUES ('y'); SELECT pg_sleep(600);]])
    P.until_true(cluster, [[SELECT count(*) = 1 FROM pg_stat_activity
      WHERE application_name = 'old' AND wait_event = 'PgSleep']])
    local pid = begin "alone"
    backend "query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active'"
    P.stop(pid)
    local p = probe "alone"
    assert.equal("unknown_outcome", p.outcome, json.encode(p))
    assert.matches("INVALID index", p.message)
    assert.equal("1|t", P.sql(cluster, base,
                              "SELECT * FROM schema_migrations"))
    local a = P.call(dir, description "alone")
    assert.equal("unknown_outcome", a.outcome, json.encode(a))
    P.stop(holder)
  end)

  it("cannot be told while the server is away", function()
    local d = description()
    d.probe = true
    d.binding.url = "host=/nonexistent dbname=x"
    assert.equal("unknown_outcome", P.call(dir, d).outcome)
  end)
end)
