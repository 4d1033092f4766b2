-- Django's migrations as the reader understands them, against what Debian's
-- python3-django makes of the same files on a real cluster.
package.path = "tests/spec/?.lua;" .. package.path
local M = require "support_programs"
local P = M.P

local names = { "shop/migrations/0001_initial.py",
                "shop/migrations/0002_change.py",
                "shop/migrations/0003_late.py" }

local function migrate(cluster, database, what)
  M.run("django", ("TEST_HOST='%s' TEST_DATABASE=%s PYTHONPATH=. " ..
    "DJANGO_SETTINGS_MODULE=settings /usr/bin/python3 -m django migrate " ..
    "-v0 %s"):format(cluster.socket, database, what))
end

local function files(list)
  return M.files("django", list or names)
end

describe("a Django history", function()
  local cluster
  setup(function() cluster = P.cluster() end)
  teardown(function() P.stop_cluster(cluster) end)

  it("makes the same schema as Django itself, and goes the same way back",
     function()
    local real, mine = P.database(cluster), P.database(cluster)
    migrate(cluster, real, "auth")
    migrate(cluster, mine, "auth")
    migrate(cluster, real, "")
    P.sql(cluster, mine, M.script(M.ask(files())))
    local dump = M.dump(cluster, real)
    assert.truthy(dump:find("one_active_note", 1, true))
    assert.same(dump, M.dump(cluster, mine))

    local back = files()
    back[4], back[5] = files()[3], files()[2]
    back[4].direction, back[5].direction = "down", "down"
    migrate(cluster, real, "shop 0001")
    P.sql(cluster, mine, M.script(M.ask(back), 4))
    assert.same(M.dump(cluster, real), M.dump(cluster, mine))
  end)
end)

describe("a Django application", function()
  it("is found in the folders above the files", function()
    local text = P.output(("'%s/rbrun' assess --json '%s'"):format(
      M.reader.build, M.root .. "django/shop/migrations"))
    assert.falsy(text:find("the application is not told", 1, true))
    assert.truthy(text:find("public.shop_tags", 1, true))
    assert.truthy(text:find('"column_renamed"', 1, true))
  end)
end)

-- One operation behind these two models; what it is in SQL.
local first = [[
from django.db import migrations, models
class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel("Team", [
            ("id", models.AutoField(primary_key=True)),
            ("name", models.CharField(max_length=20, null=True)),
        ]),
        migrations.CreateModel("Person", [
            ("id", models.AutoField(primary_key=True)),
            ("email", models.EmailField()),
            ("team", models.ForeignKey("app.Team", models.CASCADE)),
        ], options={"db_table": "people"}),
    ]
]]

local function second(body, direction)
  local text = [[
from django.contrib.postgres.operations import (
    AddIndexConcurrently, TrigramExtension)
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [("app", "0001_initial")]
    operations = [
]] .. body .. "\n    ]\n"
  local list = { { name = "app/migrations/0001_initial.py", text = first,
                   format = "django" },
                 { name = "app/migrations/0002_more.py", text = text,
                   format = "django" } }
  if direction == "down" then
    list[3] = { name = list[2].name, text = text, format = "django",
                direction = "down" }
  end
  local reply = M.ask(list)
  local entry, sql = reply.files[#reply.files], {}
  for i, one in ipairs(entry.statements) do sql[i] = one.sql end
  return sql, entry
end

local forms = {
  { "migrations.DeleteModel('Person')", { 'DROP TABLE "people" CASCADE' } },
  { "migrations.AddField('team', 'size', models.IntegerField(default=3))",
    { 'ALTER TABLE "app_team" ADD COLUMN "size" integer DEFAULT 3 NOT NULL',
      'ALTER TABLE "app_team" ALTER COLUMN "size" DROP DEFAULT' },
    { 'ALTER TABLE "app_team" DROP COLUMN "size" CASCADE' } },
  { "migrations.AddField('team', 'size', models.IntegerField(db_default=3))",
    { 'ALTER TABLE "app_team" ADD COLUMN "size" integer DEFAULT 3 NOT NULL' }
  },
  { "migrations.RemoveField('person', 'email')",
    { 'ALTER TABLE "people" DROP COLUMN "email" CASCADE' },
    { 'ALTER TABLE "people" ADD COLUMN "email" varchar(254) NOT NULL' } },
  { "migrations.AlterField('team', 'name', models.TextField(null=True))",
    { 'ALTER TABLE "app_team" ALTER COLUMN "name" TYPE text USING ' ..
      '"name"::text' },
    { 'ALTER TABLE "app_team" ALTER COLUMN "name" TYPE varchar(20) USING ' ..
      '"name"::varchar(20)' } },
  { "migrations.RenameField('person', 'email', 'mail')",
    { 'ALTER TABLE "people" RENAME COLUMN "email" TO "mail"' },
    { 'ALTER TABLE "people" RENAME COLUMN "mail" TO "email"' } },
  { "migrations.RenameModel('Team', 'Crew')",
    { 'ALTER TABLE "app_team" RENAME TO "app_crew"' },
    { 'ALTER TABLE "app_crew" RENAME TO "app_team"' } },
  { "migrations.AlterModelOptions('team', {'ordering': ['name']})", {} },
  { "migrations.RunSQL(['SELECT 1', ('SELECT 2', None)], 'SELECT 3')",
    { "SELECT 1", "SELECT 2" }, { "SELECT 3" } },
  { "migrations.RunSQL(migrations.RunSQL.noop)", {} },
  { "migrations.RunPython(migrations.RunPython.noop)", {} },
  { "TrigramExtension()", { 'CREATE EXTENSION IF NOT EXISTS "pg_trgm"' },
    { 'DROP EXTENSION IF EXISTS "pg_trgm" CASCADE' } },
  { "migrations.AddConstraint('team', models.CheckConstraint(\n" ..
    "  check=models.Q(name__in=['a', 'b']) & ~models.Q(id=1), name='c'))",
    { [[ALTER TABLE "app_team" ADD CONSTRAINT "c" CHECK ]] ..
      [[((("name" IN ('a', 'b') AND NOT ("id" = 1))))]] },
    { 'ALTER TABLE "app_team" DROP CONSTRAINT "c"' } },
  { "AddIndexConcurrently('team', models.Index(fields=['-name'], name='i'))",
    { 'CREATE INDEX CONCURRENTLY "i" ON "app_team" ("name" DESC)' },
    { 'DROP INDEX CONCURRENTLY IF EXISTS "i"' } },
}

local unknown = {
  "migrations.RunPython(fill)",
  "migrations.RunSQL(text)",
  "migrations.AddField('team', 'x', other.PhoneField())",
  "migrations.AddField('stranger', 'x', models.IntegerField(null=True))",
  "migrations.AlterField('team', 'stranger', models.TextField())",
  "migrations.AddConstraint('team', models.CheckConstraint(\n" ..
    "  check=models.Q(name__regex='x'), name='c'))",
  "migrations.AlterUniqueTogether('team', names)",
  "migrations.InventSomething('team')",
  "myapp.operations.Backfill('team')",
  "*more",
}

describe("a Django operation", function()
  for _, row in ipairs(forms) do
    it(row[1]:gsub("\n.*", " .."), function()
      local sql, entry = second(row[1])
      assert.same({}, M.unknown(entry))
      assert.same(row[2], sql)
      if row[3] then assert.same(row[3], (second(row[1], "down"))) end
    end)
  end

  for _, body in ipairs(unknown) do
    it("is unknown: " .. body:gsub("\n.*", " .."), function()
      local _, entry = second(body)
      assert.truthy(#M.unknown(entry) > 0)
      assert.truthy(entry.verdict == "unknown" or
                    entry.verdict == "incompatible")
    end)
  end

  it("breaks older INSERTs where Django keeps no default", function()
    local _, entry = second(
      "migrations.AddField('team', 'size', models.IntegerField(default=3))")
    assert.equal("incompatible", entry.verdict)
    assert.equal("required_column_added", entry.reasons[1].code)
    assert.equal(7, entry.reasons[1].line)
    _, entry = second("migrations.AddField('team', 'size', " ..
                      "models.IntegerField(db_default=3))")
    assert.equal("compatible", entry.verdict)
  end)

  it("that cannot go back says so", function()
    local _, entry = second("migrations.RunSQL('SELECT 1')")
    assert.is_true(entry.down.refuses)
    _, entry = second("migrations.RunSQL('SELECT 1', 'SELECT 2')")
    assert.is_false(entry.down.refuses)
  end)
end)

describe("a hostile Django migration", function()
  local hostile = {
    ["no class"] = "operations = []",
    ["operations that are computed"] = "class Migration(m.Migration):\n" ..
      "    operations = make()\n",
    ["models that refer to each other"] =
      "from django.db import migrations, models\n" ..
      "class Migration(migrations.Migration):\n  operations = [\n" ..
      "    migrations.CreateModel('A', [('id', models.OneToOneField(" ..
      "'app.A', models.CASCADE, primary_key=True))]),\n  ]\n",
    ["operations in each other"] =
      "from django.db import migrations\n" ..
      "class Migration(migrations.Migration):\n  operations = [" ..
      ("migrations.SeparateDatabaseAndState(["):rep(60) ..
      ("])"):rep(60) .. "]\n",
  }
  for name, text in pairs(hostile) do
    it("is unknown: " .. name, function()
      local _, entry = M.one("django", "app/migrations/0001_x.py", text)
      assert.truthy(#M.unknown(entry) > 0)
    end)
  end

  it("is unknown without its application's name", function()
    local _, entry = M.one("django", "0001_x.py", first)
    assert.truthy(#M.unknown(entry) > 0)
  end)
end)
