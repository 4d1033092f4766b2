-- One step up or down: what the ledger and the schema hold afterwards, for
-- each tool, and that a refused step leaves both as they were.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

local golang = "CREATE TABLE schema_migrations " ..
  "(version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);"

describe("a step of the postgres driver", function()
  local cluster, dir, repo, keys

  setup(function()
    cluster = P.cluster()
    keys = 0
  end)
  teardown(function() P.stop_cluster(cluster) end)
  before_each(function()
    dir = P.scratch()
    repo = dir .. "/repo"
  end)
  after_each(function() P.remove(dir) end)

  local function commit(tag, files)
    local paths = {}
    for name, text in pairs(files) do paths["m/" .. name] = text end
    P.commit(repo, tag, paths)
  end

  local function description(verb, database, args, more)
    local binding = { repo = repo, migrations = "m", lock_timeout = "200ms",
      without = { "rehearsal", "snapshot" },
      url = ("host=%s user=postgres dbname=%s"):format(cluster.socket,
                                                       database) }
    keys = keys + 1
    local c = { driver = "postgres", verb = "migrate." .. verb, args = args,
                binding = binding, key = ("%064x"):format(keys) }
    for k, v in pairs(more or {}) do
      if k == "key" or k == "probe" then c[k] = v else binding[k] = v end
    end
    return c
  end

  local function call(...)
    return P.call(dir, description(...))
  end

  local function ends(outcome, message, a)
    assert.equal(outcome, a.outcome, json.encode(a))
    assert.matches(message, a.message)
  end

  local function moved(want, a)
    assert.equal("ok", a.outcome, a.message)
    for k, v in pairs(want) do assert.equal(v, a.value[k], k) end
    return a.value
  end

  local function rows(database, query)
    return P.sql(cluster, database, query)
  end

  local function columns(database, name)
    return rows(database, ([[SELECT string_agg(attname, ' ' ORDER BY attnum)
      FROM pg_attribute WHERE attrelid = to_regclass('%s') AND attnum > 0
      AND NOT attisdropped]]):format(name))
  end

  describe("with golang-migrate", function()
    local base
    before_each(function()
      commit("v1", { ["01_users.up.sql"] = "CREATE TABLE users (id int);",
                     ["01_users.down.sql"] = "DROP TABLE users;" })
      commit("v2", { ["07_mail.up.sql"] =
        "ALTER TABLE users ADD mail text;\nCREATE INDEX ON users (mail);",
        ["07_mail.down.sql"] = "ALTER TABLE users DROP mail;" })
      base = P.database(cluster, golang)
    end)

    local function ledger()
      return rows(base, "SELECT * FROM schema_migrations")
    end

    it("goes up and down, one at a time, and to nothing", function()
      moved({ version = "1", before = "", statements = 1, transaction = true,
              file = "m/01_users.up.sql" },
            call("up", base, { expect = "", at = "v2" }))
      assert.equal("1|f", ledger())
      moved({ version = "7", before = "1", statements = 2 },
            call("up", base, { expect = "1", at = "v2" }))
      assert.equal("7|f", ledger())
      assert.equal("id mail", columns(base, "users"))
      ends("not_found", "no migration after version 7",
           call("up", base, { expect = "7", at = "v2" }))
      moved({ version = "1", before = "7", file = "m/07_mail.down.sql" },
            call("down", base, { expect = "7", at = "v2" }))
      assert.equal("1|f", ledger())
      assert.equal("id", columns(base, "users"))
      local v = moved({ before = "1" },
                      call("down", base, { expect = "1", at = "v2" }))
      assert.is_nil(v.version)
      assert.equal("", ledger())
      ends("not_found", "nothing is applied",
           call("down", base, { expect = "", at = "v2" }))
    end)

    it("refuses another version than the expected one", function()
      rows(base, "INSERT INTO schema_migrations VALUES (7, false)")
      ends("conflict", "at version 7, 1 was expected; nothing was changed",
           call("down", base, { expect = "1", at = "v2" }))
      assert.equal("7|f", ledger())
      rows(base, "UPDATE schema_migrations SET dirty = true")
      ends("conflict", "dirty", call("down", base, { expect = "7", at = "v2" }))
      assert.equal("7|t", ledger())
    end)

    it("takes the file of the version being left, or none", function()
      rows(base, "INSERT INTO schema_migrations VALUES (7, false);" ..
                 "CREATE TABLE users (id int, mail text)")
      ends("not_found", "no file that takes version 7 back",
           call("down", base, { expect = "7", at = "v1" }))
      ends("rejected", "no file of the ledger's version 7",
           call("up", base, { expect = "7", at = "v1" }))
      assert.equal("id mail", columns(base, "users"))
      ends("not_found", "v9", call("down", base, { expect = "7", at = "v9" }))
    end)

    it("undoes everything when a statement fails", function()
      commit("v3", { ["08_bad.up.sql"] =
        "CREATE TABLE extra (i int);\n\nINSERT INTO extra VALUES ('x');" })
      rows(base, "INSERT INTO schema_migrations VALUES (7, false)")
      ends("rejected", "run line 3 of m/08_bad.up.sql: invalid input",
           call("up", base, { expect = "7", at = "v3" }))
      assert.equal("7|f", ledger())
      assert.equal("", columns(base, "extra"))
      assert.equal("0", rows(base, "SELECT count(*) FROM rbrun_effects"))
    end)

    it("does not run what it cannot account for", function()
      rows(base, "INSERT INTO schema_migrations VALUES (7, false)")
      for text, message in pairs {
        ["-- nothing\n"] = "holds no statement",
        ["ALTER TABEL x;"] = "PostgreSQL's parser",
        ["CREATE TABLE a (i int); COMMIT; CREATE TABLE b (i int);"] =
          "line 1 ends or begins a transaction",
        ["COPY schema_migrations FROM STDIN;"] = "COPY from or to the client",
      } do
        commit("x" .. keys, { ["08_x.up.sql"] = text })
        ends("rejected", message,
             call("up", base, { expect = "7", at = "x" .. keys }))
      end
      assert.equal("7|f", ledger())
      assert.equal("", columns(base, "a"))
    end)

    it("takes a BEGIN and COMMIT around the file off", function()
      rows(base, "INSERT INTO schema_migrations VALUES (7, false)")
      commit("v3", { ["08_x.up.sql"] =
        "-- by hand\nBEGIN;\nCREATE TABLE a (i int);\nCOMMIT;\n" })
      moved({ version = "8", statements = 1, transaction = true },
            call("up", base, { expect = "7", at = "v3" }))
      assert.equal("i", columns(base, "a"))
    end)

    it("runs a lone statement that needs it outside of a transaction",
       function()
      rows(base, "INSERT INTO schema_migrations VALUES (7, false);" ..
                 "CREATE TABLE users (id int)")
      commit("v3", { ["08_ix.up.sql"] =
        "CREATE INDEX CONCURRENTLY ix ON users (id);",
        ["08_ix.down.sql"] = "DROP INDEX CONCURRENTLY ix;",
        ["09_ux.up.sql"] =
        "CREATE UNIQUE INDEX CONCURRENTLY ux ON users (id);" })
      local d = description("up", base, { expect = "7", at = "v3" })
      local first = P.call(dir, d)
      moved({ version = "8", transaction = false, statements = 1 }, first)
      assert.same(first, P.call(dir, d))
      assert.equal("8|f", ledger())
      assert.equal("t", rows(base, "SELECT indisvalid FROM pg_index " ..
                                   "WHERE indexrelid = 'ix'::regclass"))
      moved({ version = "7", transaction = false },
            call("down", base, { expect = "8", at = "v3" }))
      assert.equal("7|f", ledger())
      assert.equal("2", rows(base, "SELECT count(*) FROM rbrun_effects"))

      -- One that fails leaves what golang-migrate itself would leave.
      moved({ version = "8" }, call("up", base, { expect = "7", at = "v3" }))
      rows(base, "INSERT INTO users VALUES (1), (1)")
      ends("rejected", "INVALID index.*the ledger is dirty",
           call("up", base, { expect = "8", at = "v3" }))
      assert.equal("9|t", ledger())
    end)

    it("runs statements one by one where one of them needs it", function()
      rows(base, "INSERT INTO schema_migrations VALUES (7, false)")
      commit("v3", { ["08_ix.up.sql"] = "CREATE TABLE a (i int);\n" ..
        "CREATE INDEX CONCURRENTLY ia ON a (i);\nINSERT INTO a VALUES (1);" })
      moved({ version = "8", transaction = false, statements = 3 },
            call("up", base, { expect = "7", at = "v3" }))
      assert.equal("t", rows(base, "SELECT indisvalid FROM pg_index " ..
                                   "WHERE indexrelid = 'ia'::regclass"))
      assert.equal("1", rows(base, "SELECT count(*) FROM rbrun_effects"))
      commit("v4", { ["09_no.up.sql"] = "CREATE TABLE b (i int);\n" ..
        "VACUUM b;\nINSERT INTO b VALUES ('x');" })
      ends("rejected", "2 of 3 statements are done and stay",
           call("up", base, { expect = "8", at = "v4" }))
      assert.equal("9|t", ledger())
      assert.equal("i", columns(base, "b"))
    end)

    it("answers the same key with the same answer, once", function()
      local d = description("up", base, { expect = "", at = "v2" })
      d.probe = true
      assert.is_false(P.call(dir, d).value.applied)
      d.probe = nil
      local first = P.call(dir, d)
      moved({ version = "1" }, first)
      assert.same(first, P.call(dir, d))
      assert.equal("1|f", ledger())
      d.probe = true
      local p = P.call(dir, d)
      assert.is_true(p.value.applied)
      assert.same(first.value, p.value.value)
      assert.equal(d.key .. "|20260101-TEST|1", rows(base,
        "SELECT key, run, call FROM rbrun_effects"))
    end)

    it("needs a primary, a repository and the right to write", function()
      local standby = P.standby(cluster)
      local a = call("up", base, { expect = "", at = "v2" }, { url =
        ("host=%s user=postgres dbname=%s"):format(standby.socket, base) })
      ends("rejected", "is a replica", a)
      rows(base, "CREATE ROLE looker LOGIN;" ..
                 "GRANT SELECT ON schema_migrations TO looker")
      ends("auth", "permission denied", call("up", base,
        { expect = "", at = "v2" }, { url = ("host=%s user=looker dbname=%s")
          :format(cluster.socket, base) }))
      ends("unavailable", "No such file", call("up", base,
        { expect = "", at = "v2" }, { url = "host=/nonexistent" }))
      local d = description("up", base, { expect = "", at = "v2" })
      d.binding.migrations = nil
      ends("rejected", "set `repo`", P.call(dir, d))
      assert.equal("", ledger())
    end)

    it("waits for a lock, again and again, and then does it", function()
      rows(base, "INSERT INTO schema_migrations VALUES (7, false);" ..
                 "CREATE TABLE users (id int, mail text)")
      local pid = P.session(cluster, base, [[SET application_name = 'h1';
        BEGIN; LOCK TABLE users IN ACCESS SHARE MODE; SELECT pg_sleep(2);]])
      P.until_true(cluster, [[SELECT count(*) = 1 FROM pg_stat_activity
        WHERE application_name = 'h1' AND wait_event = 'PgSleep']])
      moved({ version = "1" }, call("down", base, { expect = "7", at = "v2" }))
      assert.matches("a lock is held; try 2", P.slurp(dir .. "/progress"))
      P.stop(pid)
    end)

    it("gives up in time when the lock stays, with nothing done", function()
      rows(base, "INSERT INTO schema_migrations VALUES (7, false);" ..
                 "CREATE TABLE users (id int, mail text)")
      local pid = P.session(cluster, base, [[SET application_name = 'h2';
        BEGIN; LOCK TABLE users IN ACCESS SHARE MODE; SELECT pg_sleep(600);]])
      P.until_true(cluster, [[SELECT count(*) = 1 FROM pg_stat_activity
        WHERE application_name = 'h2' AND wait_event = 'PgSleep']])
      local a = call("down", base, { expect = "7", at = "v2",
                                     lock_timeout = "50ms" })
      P.stop(pid)
      ends("retryable", "lock timeout", a)
      assert.equal("7|f", ledger())
      assert.equal("id mail", columns(base, "users"))
    end)

    -- The same lock that its own tool takes (its database/util.go).
    it("keeps golang-migrate itself out, and is kept out by it", function()
      local id = P.output(([[python3 -c '
import zlib
print(zlib.crc32(b"public\0schema_migrations\0%s") * 1486364155 %% 2**32)']])
        :format(base)):match "%S+"
      local pid = P.session(cluster, base, ([[SET application_name = 'h3';
        SELECT pg_advisory_lock(%s); SELECT pg_sleep(600);]]):format(id))
      P.until_true(cluster, [[SELECT count(*) = 1 FROM pg_stat_activity
        WHERE application_name = 'h3' AND wait_event = 'PgSleep']])
      local a = call("up", base, { expect = "", at = "v1",
                                   lock_timeout = "50ms" })
      P.stop(pid)
      ends("retryable", "take golang%-migrate's lock", a)
      assert.equal("", ledger())
    end)

    it("stops a statement at its time limit", function()
      rows(base, "INSERT INTO schema_migrations VALUES (7, false)")
      commit("v3", { ["08_slow.up.sql"] = "SELECT pg_sleep(600);" })
      ends("retryable", "statement timeout", call("up", base,
           { expect = "7", at = "v3", statement_timeout = "200ms" }))
      assert.equal("7|f", ledger())
    end)

    it("lets one of two at a time through", function()
      local commands = {}
      for i = 1, 2 do
        local d = description("up", base, { expect = "", at = "v2" },
                              { lock_timeout = "5s" })
        os.execute("mkdir " .. dir .. "/" .. i)
        commands[i] = ("(%s > %s/%d/answer 2>/dev/null) & "):format(
          P.command(dir .. "/" .. i, d), dir, i)
      end
      os.execute(table.concat(commands) .. "wait")
      local outcomes = {}
      for i = 1, 2 do
        outcomes[i] = json.decode(P.slurp(dir .. "/" .. i .. "/answer")).outcome
      end
      table.sort(outcomes)
      assert.same({ "conflict", "ok" }, outcomes)
      assert.equal("1|f", ledger())
    end)
  end)

  it("with goose adds and deletes rows", function()
    local base = P.database(cluster, [[CREATE TABLE goose_db_version (
      id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
      version_id bigint NOT NULL, is_applied boolean NOT NULL,
      tstamp timestamp NOT NULL DEFAULT now());
      INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true)]])
    local query = "SELECT version_id, is_applied FROM goose_db_version " ..
                  "ORDER BY id"
    commit("v1", { ["00001_users.sql"] = [[
-- +goose Up
CREATE TABLE users (id int);
-- +goose StatementBegin
CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $$
BEGIN RETURN 1; END; $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION one;
DROP TABLE users;
]], ["00002_notes.sql"] = "-- +goose Up\nCREATE TABLE notes (id int);\n" })
    moved({ version = "1", statements = 2 },
          call("up", base, { expect = "", at = "v1" }))
    moved({ version = "2", statements = 1 },
          call("up", base, { expect = "1", at = "v1" }))
    assert.equal("0|t\n1|t\n2|t", rows(base, query))
    ends("not_found", "no \"%-%- %+goose down\" section",
         call("down", base, { expect = "2", at = "v1" }))
    rows(base, "DELETE FROM goose_db_version WHERE version_id = 2")
    local v = moved({ before = "1", statements = 2 },
                    call("down", base, { expect = "1", at = "v1" }))
    assert.is_nil(v.version)
    assert.equal("0|t", rows(base, query))
    assert.equal("", columns(base, "users"))
  end)

  it("with dbmate adds and deletes rows, digits as in the name", function()
    local base = P.database(cluster, "CREATE TABLE schema_migrations " ..
                            "(version character varying PRIMARY KEY)")
    commit("v1", {
      ["001_users.sql"] = "-- migrate:up\nCREATE TABLE users (id int);\n" ..
                          "-- migrate:down\nDROP TABLE users;\n",
      ["002_ix.sql"] = "-- migrate:up transaction:false\n" ..
        "CREATE INDEX CONCURRENTLY ix ON users (id);\n" ..
        "-- migrate:down\nDROP INDEX ix;\n" })
    moved({ version = "001" }, call("up", base, { expect = "", at = "v1" }))
    moved({ version = "002", transaction = false },
          call("up", base, { expect = "001", at = "v1" }))
    assert.equal("001\n002", rows(base, "SELECT * FROM schema_migrations"))
    moved({ version = "001", transaction = true },
          call("down", base, { expect = "002", at = "v1" }))
    assert.equal("001", rows(base, "SELECT * FROM schema_migrations"))
  end)

  it("goes on behind the statement that was done when it was cut off",
     function()
    local base = P.database(cluster, [[CREATE TABLE schema_migrations
      (version character varying PRIMARY KEY); CREATE TABLE a (i int);
      CREATE TABLE rbrun_effects (key text PRIMARY KEY, run text, call int,
      at timestamptz NOT NULL DEFAULT now(), answer text)]])
    commit("v1", { ["001_a.sql"] = "-- migrate:up transaction:false\n" ..
      "CREATE TABLE a (i int);\nCREATE INDEX CONCURRENTLY ia ON a (i);\n" ..
      "-- migrate:down\nDROP TABLE a;\n" })
    local d = description("up", base, { expect = "", at = "v1" })
    local function effects(...)
      for _, row in ipairs { ... } do
        rows(base, ("INSERT INTO rbrun_effects (key, answer) VALUES " ..
          "('%s%s', '%s')"):format(d.key, row[1], row[2]))
      end
    end
    effects({ ":begun", "" }, { ":1", "done" }, { ":2", "begun" })
    ends("unknown_outcome", "1 of its statements done, statement 2 under way",
         P.call(dir, d))
    rows(base, "DELETE FROM rbrun_effects WHERE answer = 'begun'")
    d.probe = true
    local p = P.call(dir, d)
    assert.is_false(p.value.applied, json.encode(p))
    assert.matches("1 of its statements", p.value.partly)
    d.probe = nil
    moved({ version = "001", transaction = false }, P.call(dir, d))
    assert.equal("1", rows(base, "SELECT count(*) FROM rbrun_effects"))
  end)

  it("with flyway only adds rows, with its checksum", function()
    local base = P.database(cluster, [[CREATE TABLE flyway_schema_history (
      installed_rank int NOT NULL PRIMARY KEY, version varchar(50),
      description varchar(200) NOT NULL, type varchar(20) NOT NULL,
      script varchar(1000) NOT NULL, checksum int,
      installed_by varchar(100) NOT NULL,
      installed_on timestamp NOT NULL DEFAULT now(),
      execution_time int NOT NULL, success boolean NOT NULL)]])
    local query = "SELECT installed_rank, version, description, type, " ..
      "script, checksum, installed_by, success FROM flyway_schema_history " ..
      "ORDER BY 1"
    -- CRC-32 of "CREATE TABLE users (id int);" is what Flyway writes,
    -- whatever the line ends are.
    commit("v1", { ["V1_1__add_users.sql"] = "CREATE TABLE users (id int);\r\n",
                   ["U1_1__add_users.sql"] = "DROP TABLE users;\n" })
    moved({ version = "1.1" }, call("up", base, { expect = "", at = "v1" }))
    local crc = P.output([[python3 -c '
import zlib, ctypes
print(ctypes.c_int32(zlib.crc32(b"CREATE TABLE users (id int);")).value)']])
    assert.equal("1|1.1|add users|SQL|V1_1__add_users.sql|" ..
                 crc:match "%S+" .. "|postgres|t", rows(base, query))
    local v = moved({ before = "1.1" },
                    call("down", base, { expect = "1.1", at = "v1" }))
    assert.is_nil(v.version)
    assert.matches("\n2|1.1|add users|UNDO_SQL|U1_1__add_users.sql|",
                   rows(base, query), 1, true)
    moved({ version = "1.1" }, call("up", base, { expect = "", at = "v1" }))
    assert.equal("3", rows(base, "SELECT count(*) FROM flyway_schema_history"))
  end)

  it("with alembic and rails is their own tool's business", function()
    local base = P.database(cluster,
      "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);" ..
      "INSERT INTO alembic_version VALUES ('a1')")
    commit("v1", { ["a1.py"] = "revision = 'a1'\n",
                   ["20240101000001_x.rb"] = "class X\nend\n" })
    ends("not_found", "no file that takes version a1", call("down", base,
                                       { expect = "a1", at = "v1" }))
    base = P.database(cluster, [[CREATE TABLE schema_migrations
      (version varchar PRIMARY KEY); CREATE TABLE ar_internal_metadata (k int);
      INSERT INTO schema_migrations VALUES ('20240101000001')]])
    ends("rejected", "only rails itself can run it", call("down", base,
         { expect = "20240101000001", at = "v1" }))
  end)
end)
