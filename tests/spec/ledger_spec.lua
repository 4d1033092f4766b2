-- The ledgers of all tools, on a real PostgreSQL: those that the tools wrote
-- themselves (shared data, where it is there), and shapes of our own.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

local SHARED = "../shared/migrations/ledgers/"
local SERIAL = "id serial PRIMARY KEY, "

describe("migrate.status", function()
  local cluster, dir

  setup(function() cluster = P.cluster() end)
  teardown(function() P.stop_cluster(cluster) end)
  before_each(function() dir = P.scratch() end)
  after_each(function() P.remove(dir) end)

  local function ask(base, more)
    local binding = {
      url = ("host=%s user=postgres dbname=%s"):format(cluster.socket, base) }
    for k, v in pairs(more or {}) do binding[k] = v end
    return P.call(dir, { driver = "postgres", verb = "migrate.status",
                         binding = binding, args = {} })
  end

  local function status(text, more)
    return ask(P.database(cluster, text), more)
  end

  local function reads(want, text, more)
    local a = status(text, more)
    assert.equal("ok", a.outcome, a.message)
    for key, value in pairs(want) do
      assert.same(value, a.value[key], key .. " in " .. json.encode(a.value))
    end
    return a.value
  end

  describe("reads what the real tools wrote:", function()
    local two = { "20240101000001", "20240102000002" }
    local js = { "20240101000001_users.js", "20240102000002_email.js" }
    local rows = {
      { "dbmate", { tool = "dbmate", table = "public.schema_migrations",
        version = two[2], applied = two, dirty = false, failed = {} } },
      { "rails", { tool = "rails", version = two[2], applied = two } },
      { "django", { tool = "django", version = "shop.0002_item_price",
        count = 20, heads = { "contenttypes.0002_remove_content_type_name",
          "auth.0012_alter_user_first_name_max_length",
          "admin.0003_logentry_add_action_flag_choices",
          "sessions.0001_initial", "shop.0002_item_price" } } },
      { "drizzle", { tool = "drizzle", version = "1704153602000",
        table = "drizzle.__drizzle_migrations",
        applied = { "1704067201000", "1704153602000" } } },
      { "knex", { tool = "knex", version = js[2], applied = js, batch = "1",
        lock = { table = "public.knex_migrations_lock", held = false } } },
      { "node-pg-migrate", { tool = "node-pg-migrate",
        version = "1704153602000_email",
        applied = { "1704067201000_users", "1704153602000_email" } } },
      { "sequelize", { tool = "sequelize",
        version = "20240102000002-email.js" } },
      { "sql-migrate", { tool = "sql-migrate", version = "2_email.sql",
        applied = { "1_users.sql", "2_email.sql" } } },
      { "sqitch", { tool = "sqitch", version = "email",
        applied = { "users", "email" }, heads = { "email" }, failed = {} } },
      { "typeorm", { tool = "typeorm", version = "1704153602000" } },
    }
    local source = {
      { "gomig", { tool = "golang-migrate", version = two[2],
        applied = { two[2] } } },
      { "goose", { tool = "goose", version = two[2], applied = two } },
      { "flyway", { tool = "flyway", version = "2",
        applied = { "1", "2" } } },
      { "liqui", { tool = "liquibase", applied = {}, heads = {} } },
      { "sqlx", { tool = "sqlx", applied = {} } },
      { "diesel", { tool = "diesel", applied = {} } },
      { "prisma", { tool = "prisma", applied = {} } },
      { "ecto", { tool = "ecto", applied = {} } },
      { "atlas_schema_revisions", { tool = "atlas", applied = {} } },
      { "pop", { tool = "pop", applied = {} } },
    }

    if not P.slurp(SHARED .. "alembic.sql") then
      return require("tests.spec.support_history").missing(it,
        SHARED .. "alembic.sql")
    end

    -- The file holds the rows of three moments; the first is what stood
    -- after `upgrade head`.
    it("alembic", function()
      local text = P.slurp(SHARED .. "alembic.sql")
      reads({ tool = "alembic", version = "ae1027a6acf",
              heads = { "ae1027a6acf" } },
            (text:gsub("%-%- after downgrade %-1\nINSERT[^\n]*", "")))
      local v = reads({ heads = { "1975ea83b712", "ae1027a6acf" } }, text)
      assert.is_nil(v.version)
    end)

    for _, row in ipairs(rows) do
      it(row[1], function()
        reads(row[2], P.slurp(SHARED .. row[1] .. ".sql"))
      end)
    end

    it("and those transcribed from the tools' sources", function()
      local base = P.database(cluster, P.slurp(SHARED .. "from_source.sql"))
      for _, row in ipairs(source) do
        local a = ask(base, { schema = row[1] })
        assert.equal("ok", a.outcome, a.message)
        for key, value in pairs(row[2]) do
          assert.same(value, a.value[key], row[1] .. "." .. key)
        end
      end
      local a = ask(base)
      assert.equal("rejected", a.outcome)
      assert.matches("has 10 ledgers: .*pop.schema_migration %(pop%)",
                     a.message)
    end)
  end)

  describe("tells", function()
    it("Flyway's failed, repeatable, undone and deleted rows", function()
      reads({ tool = "flyway", version = "1.2", applied = { "1", "1.2" },
              dirty = true, failed = { { version = "10",
        why = "it failed; `flyway repair` takes the row away (V10__x.sql)" } }
            }, [[
        CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY,
          version varchar(50), description varchar(200), type varchar(20),
          script varchar(1000), checksum int, installed_by varchar(100),
          installed_on timestamp, execution_time int, success boolean);
        INSERT INTO flyway_schema_history
          (installed_rank, version, type, script, success) VALUES
          (0, NULL, 'SCHEMA', '"app"', true),
          (1, '1', 'BASELINE', '<< Flyway Baseline >>', true),
          (2, '1.2', 'SQL', 'V1_2__a.sql', true),
          (3, '9', 'SQL', 'V9__b.sql', true),
          (4, '9', 'UNDO_SQL', 'U9__b.sql', true),
          (5, NULL, 'SQL', 'R__v.sql', true),
          (6, '8', 'SQL', 'V8__c.sql', true),
          (7, '8', 'DELETE', 'V8__c.sql', true),
          (8, '10', 'SQL', 'V10__x.sql', false)]])
    end)

    it("Liquibase's changes, failed ones and the lock", function()
      reads({ tool = "liquibase", version = "db/a.sql::2::ann",
              applied = { "db/a.sql::1::ann", "db/a.sql::2::ann" },
              batch = "7700000002", dirty = true,
              lock = { table = "public.databasechangeloglock", held = true,
                       by = "ci-7 (10.0.0.7)" } }, [[
        CREATE TABLE databasechangelog (id varchar(255) NOT NULL,
          author varchar(255) NOT NULL, filename varchar(255) NOT NULL,
          dateexecuted timestamp NOT NULL, orderexecuted int NOT NULL,
          exectype varchar(10) NOT NULL, md5sum varchar(35),
          description varchar(255), comments varchar(255), tag varchar(255),
          liquibase varchar(20), contexts varchar(255), labels varchar(255),
          deployment_id varchar(10));
        INSERT INTO databasechangelog VALUES
          ('2', 'ann', 'db/a.sql', now(), 2, 'RERAN', '9:x', 'sql', '', NULL,
           '4', NULL, NULL, '7700000002'),
          ('1', 'ann', 'db/a.sql', now(), 1, 'EXECUTED', '9:x', 'sql', '',
           NULL, '4', NULL, NULL, '7700000001'),
          ('3', 'ann', 'db/a.sql', now(), 3, 'FAILED', '9:x', 'sql', '',
           NULL, '4', NULL, NULL, '7700000002');
        CREATE TABLE databasechangeloglock (id int PRIMARY KEY,
          locked boolean NOT NULL, lockgranted timestamp,
          lockedby varchar(255));
        INSERT INTO databasechangeloglock VALUES
          (1, true, NULL, 'ci-7 (10.0.0.7)')]])
    end)

    it("sqlx' and Atlas' migrations that failed half-way", function()
      reads({ tool = "sqlx", version = "1", dirty = true, failed = { {
        version = "2", why = "it failed half-way; sqlx refuses to go on " ..
          "(mail)" } } }, [[
        CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY,
          description text NOT NULL, installed_on timestamptz DEFAULT now(),
          success boolean NOT NULL, checksum bytea NOT NULL,
          execution_time bigint NOT NULL);
        INSERT INTO _sqlx_migrations VALUES
          (1, 'users', now(), true, '\x01', 1),
          (2, 'mail', now(), false, '\x02', -1)]])
      reads({ tool = "atlas", version = "2", dirty = true, failed = { {
        version = "3", why = "it failed half-way (1 of 2 statements ran: " ..
          "no such table)" } } }, [[
        CREATE SCHEMA atlas_schema_revisions;
        CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (
          version varchar PRIMARY KEY, description varchar NOT NULL,
          type bigint DEFAULT 2, applied bigint, total bigint,
          executed_at timestamptz, execution_time bigint, error text,
          error_stmt text, hash varchar, partial_hashes jsonb,
          operator_version varchar);
        INSERT INTO atlas_schema_revisions.atlas_schema_revisions
          (version, description, applied, total, executed_at, error, hash)
          VALUES ('.atlas_cloud_identifier', '', 0, 0, '2026-01-01', '', 'h'),
            ('1', 'a', 1, 1, '2026-01-01', '', 'h'),
            ('2', 'b', 2, 2, '2026-01-02', NULL, 'h'),
            ('3', 'c', 1, 2, '2026-01-03', 'no such table', 'h')]])
    end)

    it("Prisma's attempts: rolled back, tried again, failed", function()
      reads({ tool = "prisma", version = "20240103_c",
              applied = { "20240101_a", "20240103_c" }, dirty = true,
              failed = { { version = "20240104_d", why = "it failed; " ..
                "`prisma migrate resolve` says what became of it " ..
                "(ERROR: boom)" } } }, [[
        CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY,
          checksum varchar(64) NOT NULL, finished_at timestamptz,
          migration_name varchar(255) NOT NULL, logs text,
          rolled_back_at timestamptz, started_at timestamptz NOT NULL,
          applied_steps_count int NOT NULL DEFAULT 0);
        INSERT INTO _prisma_migrations VALUES
          ('1', 'c', now(), '20240101_a', NULL, NULL, '2026-01-01', 1),
          ('2', 'c', NULL, '20240103_c', 'x', now(), '2026-01-02', 0),
          ('3', 'c', now(), '20240103_c', NULL, NULL, '2026-01-03', 1),
          ('4', 'c', NULL, '20240104_d', E'\nERROR: boom\nmore', NULL,
           '2026-01-04', 0)]])
    end)

    it("Sqitch's change that failed, and heads of two projects", function()
      reads({ tool = "sqitch", version = "pay", heads = { "users", "pay" },
              failed = { { version = "mail",
                           why = "its deploy failed (add mail)" } } }, [[
        CREATE SCHEMA sqitch;
        CREATE TABLE sqitch.changes (change_id text PRIMARY KEY,
          script_hash text, change text, project text, note text,
          committed_at timestamptz, planned_at timestamptz);
        CREATE TABLE sqitch.events (event text, change_id text, change text,
          project text, note text, committed_at timestamptz);
        INSERT INTO sqitch.changes VALUES
          ('a', 'x', 'users', 'shop', '', '2026-01-01', '2026-01-01'),
          ('b', 'x', 'pay', 'bank', '', '2026-01-02', '2026-01-01');
        INSERT INTO sqitch.events VALUES
          ('fail', 'a', 'users', 'shop', '', '2025-12-31'),
          ('deploy', 'a', 'users', 'shop', '', '2026-01-01'),
          ('fail', 'c', 'mail', 'shop', 'add mail', '2026-01-03')]])
    end)

    it("Knex' batch and its lock", function()
      reads({ tool = "knex", batch = "2", version = "1_b.js",
              lock = { table = "public.knex_migrations_lock", held = true } },
        "CREATE TABLE knex_migrations (" .. SERIAL .. [[name varchar(255),
          batch int, migration_time timestamptz);
        CREATE TABLE knex_migrations_lock (index serial, is_locked int);
        INSERT INTO knex_migrations (name, batch)
          VALUES ('2_a.js', 1), ('1_b.js', 2);
        INSERT INTO knex_migrations_lock VALUES (1, 1)]])
    end)

    it("Ecto, refinery, EF Core and an old pop by their columns", function()
      reads({ tool = "ecto", version = "20240102000002" }, [[
        CREATE TABLE schema_migrations (version bigint PRIMARY KEY,
          inserted_at timestamp(0));
        INSERT INTO schema_migrations VALUES (20240102000002, now()),
          (20240101000001, now())]])
      reads({ tool = "refinery", version = "10" }, [[
        CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY,
          name varchar(255), applied_on varchar(255), checksum varchar(255));
        INSERT INTO refinery_schema_history VALUES (9, 'a', '', '1'),
          (10, 'b', '', '2')]])
      reads({ tool = "ef-core", version = "20240102000002_Mail" }, [[
        CREATE TABLE "__EFMigrationsHistory" ("MigrationId" varchar(150)
          PRIMARY KEY, "ProductVersion" varchar(32) NOT NULL);
        INSERT INTO "__EFMigrationsHistory" VALUES
          ('20240102000002_Mail', '8'), ('20240101000001_Users', '8')]])
      reads({ tool = "pop", version = "20240102" }, [[
        CREATE TABLE schema_migration (version varchar(14) NOT NULL);
        INSERT INTO schema_migration VALUES ('20240102'), ('20240101')]])
    end)

    it("Django's graph by app, newest last", function()
      reads({ tool = "django", version = "pay.0001_initial",
              heads = { "shop.0002_b", "pay.0001_initial" } },
        "CREATE TABLE django_migrations (" .. SERIAL .. [[app varchar(255),
          name varchar(255), applied timestamptz);
        INSERT INTO django_migrations (app, name) VALUES
          ('shop', '0001_a'), ('shop', '0002_b'), ('pay', '0001_initial')]])
    end)
  end)

  describe("finds", function()
    local renamed = "CREATE TABLE schema_om (version bigint PRIMARY KEY, " ..
      "dirty boolean NOT NULL); INSERT INTO schema_om VALUES (7, false);"

    it("a ledger of another name by all of its columns", function()
      reads({ tool = "golang-migrate", table = "public.schema_om",
              version = "7" }, renamed)
      local a = status(renamed .. renamed:gsub("schema_om", "schema_two"))
      assert.equal("rejected", a.outcome)
      assert.matches("2 ledgers: public.schema_om %(golang%-migrate%), " ..
        "public.schema_two", a.message)
    end)

    it("the one of a tool's own name first, and names the others", function()
      local v = reads({ table = "public.schema_migrations", version = "3" },
        renamed .. renamed:gsub("schema_om", "schema_migrations")
                          :gsub("7", "3"))
      assert.same({ "public.schema_om (golang-migrate)" }, v.also)
    end)

    it("the configured one of several", function()
      local two = renamed .. "CREATE TABLE alembic_version " ..
        "(version_num varchar(32) PRIMARY KEY);"
      reads({ tool = "alembic" }, two)
      reads({ tool = "golang-migrate" }, two, { table = "schema_om" })
      reads({ tool = "golang-migrate" }, two, { tool = "golang-migrate" })
    end)

    it("nobody's table to be a ledger", function()
      -- Laravel's has TypeORM's name, an audit log has Sqitch's.
      local a = status("CREATE TABLE migrations (id serial, migration " ..
        "varchar(255), batch int)")
      assert.equal("not_found", a.outcome)
      assert.matches("public.migrations %(its columns are of no tool",
                     a.message)
      assert.matches("nothing was changed", a.message)
      a = status("CREATE TABLE changes (id serial, who text, inserted_at " ..
        "timestamp)")
      assert.matches("has no ledger of golang%-migrate, ", a.message)
    end)
  end)

  it("says what a role without rights needs", function()
    local base = P.database(cluster, [[
      CREATE ROLE onlooker LOGIN; CREATE SCHEMA app;
      CREATE TABLE app.alembic_version (version_num varchar(32))]])
    local a = ask(base, { url = ("host=%s user=onlooker dbname=%s"):format(
      cluster.socket, base) })
    assert.equal("auth", a.outcome)
    assert.matches('GRANT SELECT ON "app"."alembic_version"', a.message, 1,
                   true)
    P.sql(cluster, base, "GRANT USAGE ON SCHEMA app TO onlooker; " ..
      "GRANT SELECT ON app.alembic_version TO onlooker")
    a = ask(base, { url = ("host=%s user=onlooker dbname=%s"):format(
      cluster.socket, base) })
    assert.equal("ok", a.outcome, a.message)
  end)

  it("reads a replica as it reads the primary", function()
    local base = P.database(cluster, [[CREATE TABLE knex_migrations
      (id serial, name varchar(255), batch int, migration_time timestamptz);
      INSERT INTO knex_migrations (name, batch) VALUES ('1_a.js', 3)]])
    local standby = P.standby(cluster)
    local a
    P.eventually(function()
      a = ask(base, { url = ("host=%s user=postgres dbname=%s"):format(
        standby.socket, base) })
      return a.outcome == "ok"
    end, "the standby")
    assert.same({ "1_a.js" }, a.value.applied)
    assert.equal("3", a.value.batch)
  end)

  it("shows the newest of very many, and their number", function()
    local a = status([[CREATE TABLE schema_migrations (version varchar
      PRIMARY KEY); INSERT INTO schema_migrations
      SELECT lpad(n::text, 14, '0') FROM generate_series(1, 100000) n]])
    assert.equal("ok", a.outcome, a.message)
    assert.equal(100000, a.value.count)
    assert.equal(5000, #a.value.applied)
    assert.equal(("%014d"):format(100000), a.value.version)
    a = status([[CREATE TABLE alembic_version (version_num varchar);
      INSERT INTO alembic_version
      SELECT n::text FROM generate_series(1, 200001) n]])
    assert.equal("rejected", a.outcome)
    assert.matches("200001 rows, more than 200000", a.message)
  end)

  describe("moves by a step of SQL", function()
    local repo
    before_each(function() repo = dir .. "/repo" end)

    local function step(verb, base, args, key)
      return P.call(dir, { driver = "postgres", verb = "migrate." .. verb,
        key = ("%064x"):format(key), args = args,
        binding = { repo = repo, migrations = "m",
          without = { "rehearsal", "snapshot" },
          url = ("host=%s user=postgres dbname=%s"):format(cluster.socket,
                                                           base) } })
    end

    -- Up from "1" to "2" and back, with the real table of the tool.
    local function walks(ledger, files, one, two)
      P.commit(repo, "v1", files)
      local base = P.database(cluster, "CREATE TABLE t (i int);" .. ledger)
      local a = step("up", base, { expect = one, at = "v1" }, 1)
      assert.equal("ok", a.outcome, a.message)
      assert.equal(two, a.value.version)
      assert.same({ one, two }, ask(base).value.applied)
      a = step("down", base, { expect = two, at = "v1" }, 2)
      assert.equal("ok", a.outcome, a.message)
      assert.same({ one }, ask(base).value.applied)
      assert.equal("i", P.sql(cluster, base, [[SELECT string_agg(attname, ' ')
        FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0
        AND NOT attisdropped]]))
    end

    local up, down = "ALTER TABLE t ADD x int;\n",
      "ALTER TABLE t DROP x;\n"

    it("of diesel", function()
      walks([[CREATE TABLE __diesel_schema_migrations (version varchar(50)
          PRIMARY KEY, run_on timestamp DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO __diesel_schema_migrations VALUES ('20240101')]],
        { ["m/2024-01-01_a/up.sql"] = up, ["m/2024-01-01_a/down.sql"] = down,
          ["m/2024-01-02_b/up.sql"] = up, ["m/2024-01-02_b/down.sql"] = down },
        "20240101", "20240102")
    end)

    it("of pop, sql-migrate and node-pg-migrate", function()
      walks([[CREATE TABLE schema_migration (version varchar(48) NOT NULL,
          version_self int NOT NULL DEFAULT 0);
        INSERT INTO schema_migration VALUES ('1')]],
        { ["m/1_a.up.sql"] = up, ["m/2_b.postgres.up.sql"] = up,
          ["m/2_b.postgres.down.sql"] = down,
          ["m/2_b.mysql.down.sql"] = "x" }, "1", "2")
      os.execute("rm -rf " .. repo)
      walks([[CREATE TABLE gorp_migrations (id text PRIMARY KEY,
          applied_at timestamptz);
        INSERT INTO gorp_migrations VALUES ('1_a.sql', now())]],
        { ["m/1_a.sql"] = "-- +migrate Up\n" .. up,
          ["m/2_b.sql"] = "-- +migrate Up\n" .. up ..
            "-- +migrate Down\n" .. down }, "1_a.sql", "2_b.sql")
      os.execute("rm -rf " .. repo)
      walks("CREATE TABLE pgmigrations (" .. SERIAL .. [[name varchar(255)
          NOT NULL, run_on timestamp NOT NULL);
        INSERT INTO pgmigrations (name, run_on) VALUES ('1_a', now())]],
        { ["m/1_a.sql"] = up, ["m/2_b.sql"] = "-- Up Migration\n" .. up ..
            "-- Down Migration\n" .. down }, "1_a", "2_b")
    end)

    it("and not at all where it is not known what the tool writes",
       function()
      local base = P.database(cluster, [[CREATE TABLE refinery_schema_history
        (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255),
         checksum varchar(255))]])
      P.commit(repo, "v2", { ["m/V1__a.sql"] = "VACUUM;\n" })
      local a = step("up", base, { expect = "", at = "v2" }, 1)
      assert.equal("rejected", a.outcome)
      assert.matches("does not know all that refinery writes", a.message)
    end)
  end)
end)
