-- The ledger against the files of a revision, and whether that release would
-- start on it: what rbrun says, and what the real tool does.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

describe("migrate.status with a version", function()
  local cluster, dir, repo

  setup(function()
    cluster = P.cluster()
    repo = cluster.dir .. "/repo"
  end)
  teardown(function() P.stop_cluster(cluster) end)
  before_each(function() dir = P.scratch() end)
  after_each(function()
    P.remove(dir)
    os.execute("rm -rf " .. repo)
  end)

  local function call(base, at, more)
    local binding = { repo = repo, migrations = "m",
      url = ("host=%s user=postgres dbname=%s"):format(cluster.socket, base) }
    for k, v in pairs(more or {}) do binding[k] = v end
    return P.call(dir, { driver = "postgres", verb = "migrate.status",
                         binding = binding, args = { at = at } })
  end

  local function compare(base, at, more)
    local a = call(base, at, more)
    assert.equal("ok", a.outcome, a.message)
    return a.value.difference, a.value.boot
  end

  local function versions(list)
    local out = {}
    for i, one in ipairs(list) do out[i] = one.version end
    return out
  end

  describe("compares", function()
    local sqlx = [[CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY,
      description text NOT NULL, installed_on timestamptz DEFAULT now(),
      success boolean NOT NULL, checksum bytea NOT NULL,
      execution_time bigint NOT NULL);
      INSERT INTO _sqlx_migrations VALUES
        (1, 'a', now(), true, decode('%s', 'hex'), 1),
        (3, 'c', now(), true, decode('%s', 'hex'), 1);]]

    local function sha384(text)
      local file = P.spew(dir .. "/text", text)
      return P.output("sha384sum < " .. P.quote(file)):match "^%x+"
    end

    it("sqlx' set and contents, by its own checksums", function()
      local one, three = "CREATE TABLE a (i int);\n", "CREATE TABLE c (i int)"
      P.commit(repo, "v1", { ["m/0001_a.up.sql"] = one,
        ["m/0001_a.down.sql"] = "DROP TABLE a;\n" })
      P.commit(repo, "v2", { ["m/0003_c.up.sql"] = three .. ";\n",
        ["m/0002_b.up.sql"] = "CREATE TABLE b (i int);\n" })
      local base = P.database(cluster,
        sqlx:format(sha384(one), sha384(three .. " -- other")))
      local difference, boot = compare(base, "v1")
      assert.same({ "3" }, versions(difference.missing))
      assert.same({}, difference.changed)
      assert.equal(1, difference.compared)
      assert.equal("fails", boot.verdict)
      assert.matches("VersionMissing", boot.because)
      assert.matches("files of the missing versions", boot.advice[1])
      assert.matches("set_ignore_missing", boot.advice[2])
      difference, boot = compare(base, "v2")
      assert.same({}, difference.missing)
      assert.same({ "2" }, versions(difference.pending))
      assert.same({ "2" }, difference.late)
      assert.same({ "3" }, versions(difference.changed))
      assert.equal("m/0003_c.up.sql", difference.changed[1].path)
      assert.equal("fails", boot.verdict)
      assert.matches("compares checksums", boot.because)
    end)

    it("golang-migrate's one row, and what the environment says", function()
      P.commit(repo, "v1", { ["m/1_a.up.sql"] = "CREATE TABLE a (i int);\n" })
      local base = P.database(cluster, [[CREATE TABLE schema_migrations
        (version bigint PRIMARY KEY, dirty boolean NOT NULL);
        INSERT INTO schema_migrations VALUES (2, false)]])
      local difference, boot = compare(base, "v1")
      assert.same({ { version = "2", place = "newer" } }, difference.missing)
      assert.equal("fails", boot.verdict)
      assert.equal("source", boot.evidence)
      for _, way in ipairs { "nothing", "ignores_missing" } do
        difference, boot = compare(base, "v1", { at_start = way })
        assert.equal("boots", boot.verdict)
        assert.equal(1, #difference.missing)
      end
    end)

    it("Django's apps that are in the repository, and no others", function()
      P.commit(repo, "v1", {
        ["m/shop/migrations/__init__.py"] = "",
        ["m/shop/migrations/0001_initial.py"] =
          "class Migration(migrations.Migration):\n    dependencies = []\n" })
      local base = P.database(cluster, [[CREATE TABLE django_migrations
        (id serial PRIMARY KEY, app varchar(255), name varchar(255),
         applied timestamptz);
        INSERT INTO django_migrations (app, name) VALUES
          ('auth', '0001_initial'), ('shop', '0001_initial'),
          ('shop', '0002_item')]])
      local difference, boot = compare(base, "v1")
      assert.same({ "shop.0002_item" }, versions(difference.missing))
      assert.equal("boots", boot.verdict)
      assert.equal("measured", boot.evidence)
    end)

    it("nothing where the order of the files cannot be told", function()
      P.commit(repo, "v1", {
        ["m/a.py"] = "revision = 'a'\ndown_revision = 'b'\n",
        ["m/b.py"] = "revision = 'b'\ndown_revision = 'a'\n" })
      local base = P.database(cluster, [[CREATE TABLE alembic_version
        (version_num varchar(32)); INSERT INTO alembic_version VALUES ('a')]])
      local a = call(base, "v1")
      assert.is_nil(a.value.difference)
      assert.equal("unknown", a.value.boot.verdict)
      assert.matches("circle", a.value.boot.because)
    end)

    it("says what is missing to compare with", function()
      P.commit(repo, "v1", { ["m/1_a.up.sql"] = "x" })
      local base = P.database(cluster, [[CREATE TABLE alembic_version
        (version_num varchar(32))]])
      local a = call(base, "v9")
      assert.equal("not_found", a.outcome, json.encode(a))
      assert.matches("v9", a.message, 1, true)
      a = call(base, "v1", { migrations = "elsewhere" })
      assert.equal("not_found", a.outcome)
      a = call("none", "v1")
      assert.equal("not_found", a.outcome)
    end)
  end)

  describe("goes into migrate.assess and decide.release:", function()
    local drive = require "tests.spec.support.drive"

    local function assess(base)
      local a = P.call(dir, { driver = "postgres", verb = "migrate.assess",
        binding = { repo = repo, migrations = "m",
          url = ("host=%s user=postgres dbname=%s"):format(cluster.socket,
                                                           base) },
        args = { from = "v1", to = "v2" } })
      assert.equal("ok", a.outcome, a.message)
      return a.value
    end

    local function decision(migrations)
      local result = drive.body("decide.release { regression = true, " ..
        "target = { tag = 'v1' }, migrations = input }",
        { input = migrations }, "local decide = require 'decide'")
      for _, frame in ipairs(drive.all(result, "EVENT")) do
        if frame.doc.kind == "decision" then return frame.doc end
      end
      error(result.text)
    end

    local users = "CREATE TABLE users (id int PRIMARY KEY);\n"
    local mail = "ALTER TABLE users ADD COLUMN mail text;\n"

    it("the code is not rolled back alone where it would not start",
       function()
      P.commit(repo, "v1", { ["m/1_users.up.sql"] = users })
      P.commit(repo, "v2", { ["m/2_mail.up.sql"] = mail })
      local base = P.database(cluster, users .. mail ..
        [[CREATE TABLE schema_migrations (version bigint PRIMARY KEY,
            dirty boolean NOT NULL);
          INSERT INTO schema_migrations VALUES (2, false)]])
      local v = assess(base)
      assert.equal("compatible", v.verdict, json.encode(v))
      assert.equal("fails", v.boot.verdict)
      local d = decision(v)
      assert.equal("escalate", d.action)
      assert.matches("the older release does not start on the newer ledger: " ..
        "the database holds version 2, for which the release has no file",
        d.because, 1, true)
      assert.matches("to go back, put the newer release's files", d.because,
                     1, true)
    end)

    it("it is where it starts", function()
      P.commit(repo, "v1", { ["m/1_users.sql"] = "-- migrate:up\n" .. users })
      P.commit(repo, "v2", { ["m/2_mail.sql"] = "-- migrate:up\n" .. mail })
      local v = assess(P.database(cluster, users .. mail ..
        [[CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
          INSERT INTO schema_migrations VALUES ('1'), ('2')]]))
      assert.equal("compatible", v.verdict, json.encode(v))
      assert.equal("boots", v.boot.verdict)
      assert.equal("rollback", decision(v).action)
    end)

    it("what may never have run is unknown", function()
      P.commit(repo, "v1", { ["m/1_users.up.sql"] = users,
        ["m/5_more.up.sql"] = "CREATE TABLE more (i int);\n" })
      P.commit(repo, "v2", { ["m/3_mail.up.sql"] = mail })
      local v = assess(P.database(cluster, users ..
        [[CREATE TABLE schema_migrations (version bigint PRIMARY KEY,
            dirty boolean NOT NULL);
          INSERT INTO schema_migrations VALUES (5, false)]]))
      assert.equal("unknown", v.verdict, json.encode(v))
      local codes = {}
      for _, reason in ipairs(v.reasons) do codes[reason.code] = true end
      assert.is_true(codes.out_of_order)
    end)
  end)

  describe("agrees with the real", function()
    -- Run a tool in a folder of the repository; its output and its status.
    local function run(command)
      return P.output(("cd %s && %s 2>&1"):format(P.quote(repo), command))
    end

    local function alembic(base, words)
      P.spew(repo .. "/alembic.ini", "[alembic]\nscript_location = m\n")
      return run(("URL='postgresql://postgres@/%s?host=%s' alembic %s"):format(
        base, cluster.socket, words))
    end

    local function revision(name, parent, up)
      return ("from alembic import op\nrevision = %q\ndown_revision = %s\n" ..
        "def upgrade():\n    op.execute(%q)\n" ..
        "def downgrade():\n    pass\n"):format(name, parent, up)
    end

    it("Alembic: an older checkout does not start, with the file it does",
       function()
      local env = [[
import os
from alembic import context
from sqlalchemy import create_engine
with create_engine(os.environ["URL"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
]]
      P.commit(repo, "v1", { ["m/env.py"] = env,
        ["m/versions/a1_users.py"] = revision("a1", "None",
          "CREATE TABLE users (id int)") })
      P.commit(repo, "v2", { ["m/versions/b2_mail.py"] = revision("b2",
        "'a1'", "ALTER TABLE users ADD mail text") })
      local base = P.database(cluster)
      local text, status = alembic(base, "upgrade head")
      assert.equal(0, status, text)

      local difference, boot = compare(base, "v2")
      assert.same({}, difference.missing)
      assert.equal("boots", boot.verdict)
      text, status = alembic(base, "upgrade head")
      assert.equal(0, status, text)

      difference, boot = compare(base, "v1")
      assert.same({ "b2" }, versions(difference.missing))
      assert.equal("fails", boot.verdict)
      os.remove(repo .. "/m/versions/b2_mail.py")
      os.execute("rm -rf " .. repo .. "/m/versions/__pycache__")
      text, status = alembic(base, "upgrade head")
      assert.not_equal(0, status)
      assert.matches("Can't locate revision identified by 'b2'", text)

      -- As the advice says: the newer file in the older image.
      P.commit(repo, "v1-with-the-file", { ["m/versions/b2_mail.py"] =
        revision("b2", "'a1'", "ALTER TABLE users ADD mail text") })
      difference, boot = compare(base, "v1-with-the-file")
      assert.same({}, difference.missing)
      assert.equal("boots", boot.verdict)
      text, status = alembic(base, "upgrade head")
      assert.equal(0, status, text)
    end)

    it("sql-migrate: an older checkout does not start", function()
      local base = P.database(cluster)
      P.commit(repo, "v1", { ["m/1_users.sql"] =
        "-- +migrate Up\nCREATE TABLE users (id int);\n" })
      P.commit(repo, "v2", { ["m/2_mail.sql"] =
        "-- +migrate Up\nALTER TABLE users ADD mail text;\n" })
      P.spew(repo .. "/dbconfig.yml", ("d:\n  dialect: postgres\n" ..
        "  datasource: host=%s user=postgres dbname=%s sslmode=disable\n" ..
        "  dir: m\n"):format(cluster.socket, base))
      local text, status = run "sql-migrate up -env=d"
      assert.equal(0, status, text)
      local _, boot = compare(base, "v2")
      assert.equal("boots", boot.verdict)

      os.remove(repo .. "/m/2_mail.sql")
      text, status = run "sql-migrate up -env=d"
      assert.not_equal(0, status)
      assert.matches("unknown migration in database", text)
      local difference
      difference, boot = compare(base, "v1")
      assert.same({ "2_mail.sql" }, versions(difference.missing))
      assert.equal("fails", boot.verdict)
      assert.matches("unknown migration in database", boot.because)
    end)
  end)
end)
