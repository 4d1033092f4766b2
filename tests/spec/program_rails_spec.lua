-- Rails' migrations as the reader understands them, against what Debian's
-- ruby-activerecord makes of the same files on a real cluster.
package.path = "tests/spec/?.lua;" .. package.path
local M = require "support_programs"
local P = M.P

local names = { "db/migrate/20260101000001_begin.rb",
                "db/migrate/20260101000002_change_things.rb",
                "db/migrate/20260101000003_late.rb" }

local function migrate(cluster, database, version)
  M.run("rails", ("ruby migrate.rb '%s' %s %s"):format(cluster.socket,
    database, version or ""))
end

describe("a Rails history", function()
  local cluster
  setup(function() cluster = P.cluster() end)
  teardown(function() P.stop_cluster(cluster) end)

  it("makes the same schema as ActiveRecord itself", function()
    local real, mine = P.database(cluster), P.database(cluster)
    migrate(cluster, real)
    P.sql(cluster, mine, M.script(M.ask(M.files("rails", names))))
    local dump = M.dump(cluster, real)
    assert.truthy(dump:find("chk_rails_", 1, true))
    assert.same(dump, M.dump(cluster, mine))
  end)

  it("goes the same way back as ActiveRecord", function()
    local real, mine = P.database(cluster), P.database(cluster)
    local files = M.files("rails", { names[1], names[2], names[2] })
    files[3].direction = "down"
    migrate(cluster, real, "20260101000002")
    migrate(cluster, real, "20260101000001")
    P.sql(cluster, mine, M.script(M.ask(files)))
    -- columns that come back stand behind the others in both
    assert.same(M.dump(cluster, real), M.dump(cluster, mine))
  end)
end)

local function class(body, version)
  return ("class X < ActiveRecord::Migration[%s]\n%s\nend\n"):format(
    version or "7.0", body)
end

local function change(body, direction, version)
  return M.one("rails", "1_x.rb", class("  def change\n    " ..
    body:gsub("\n", "\n    ") .. "\n  end", version), direction)
end

-- A command, its SQL, the SQL of its way back.
local forms = {
  { "drop_table :a", { 'DROP TABLE "a"' } },
  { "add_column :a, :b, :string, limit: 9, null: false, default: 'x'",
    { [[ALTER TABLE "a" ADD COLUMN "b" character varying(9) DEFAULT 'x' ]] ..
      "NOT NULL" }, { 'ALTER TABLE "a" DROP COLUMN "b"' } },
  { "add_column('a', 'b', :datetime)",
    { 'ALTER TABLE "a" ADD COLUMN "b" timestamp(6) without time zone' } },
  { "remove_column :a, :b, :integer", { 'ALTER TABLE "a" DROP COLUMN "b"' },
    { 'ALTER TABLE "a" ADD COLUMN "b" integer' } },
  { "rename_column :a, :b, :c",
    { 'ALTER TABLE "a" RENAME COLUMN "b" TO "c"' },
    { 'ALTER TABLE "a" RENAME COLUMN "c" TO "b"' } },
  { "rename_table :a, :b", { 'ALTER TABLE "a" RENAME TO "b"' },
    { 'ALTER TABLE "b" RENAME TO "a"' } },
  { "change_column_null :a, :b, false",
    { 'ALTER TABLE "a" ALTER COLUMN "b" SET NOT NULL' },
    { 'ALTER TABLE "a" ALTER COLUMN "b" DROP NOT NULL' } },
  { "change_column_default :a, :b, from: 1, to: 2",
    { 'ALTER TABLE "a" ALTER COLUMN "b" SET DEFAULT 2' },
    { 'ALTER TABLE "a" ALTER COLUMN "b" SET DEFAULT 1' } },
  { "add_index :a, [:b, :c], unique: true, where: 'b > 1'",
    { 'CREATE UNIQUE INDEX "index_a_on_b_and_c" ON "a" ("b", "c") WHERE ' ..
      "b > 1" }, { 'DROP INDEX "index_a_on_b_and_c"' } },
  { "safety_assured { remove_index :a, name: 'i', algorithm: :concurrently }",
    { 'DROP INDEX CONCURRENTLY "i"' } },
  { "add_foreign_key :a, :companies, validate: false",
    { 'ALTER TABLE "a" ADD CONSTRAINT "fk_rails_9c2e87b102" FOREIGN KEY ' ..
      '("company_id") REFERENCES "companies" ("id") NOT VALID' },
    { 'ALTER TABLE "a" DROP CONSTRAINT "fk_rails_9c2e87b102"' } },
  { "create_enum :mood, %w[sad ok]",
    { [[CREATE TYPE "mood" AS ENUM ('sad', 'ok')]] },
    { 'DROP TYPE "mood"' } },
  { "up_only { execute 'SELECT 1' }", { "SELECT 1" }, {} },
  { "reversible do |d|\n  d.up { execute 'SELECT 1' }\n" ..
    "  d.down { execute 'SELECT 2' }\nend", { "SELECT 1" }, { "SELECT 2" } },
  { "execute <<~SQL.squish\n  SELECT\n    1\nSQL", { "SELECT 1" } },
  { "T = :a\nadd_column T, :b, :bigint",
    { 'ALTER TABLE "a" ADD COLUMN "b" bigint' } },
}

local unknown = {
  "execute \"DROP TABLE #{name}\"",
  "execute sql",
  "%w[a b].each { |t| drop_table t }",
  "drop_table :a if table_exists?(:a)",
  "unless column_exists?(:a, :b)\n  add_column :a, :b, :text\nend",
  "User.update_all(x: 1)",
  "add_column :a, :b, :text, surprise: true",
  "create_table(:a) { |t| t.surprise :b }",
  "drop_table(*tables)",
  "t = :a\nt = :b\ndrop_table t",
  "begin\n  drop_table :a\nrescue\nend",
  "while true do\n  drop_table :a\nend",
  "invent_something :a",
  "x ||= 1\nhelper(x)",
}

describe("a Rails command", function()
  for _, row in ipairs(forms) do
    it(row[1]:gsub("\n.*", " .."), function()
      local sql, entry = change(row[1])
      for _, text in ipairs(M.unknown(entry)) do
        assert.falsy(text:find("not understood"))
      end
      assert.same(row[2], sql)
      if row[3] then assert.same(row[3], (change(row[1], "down"))) end
    end)
  end

  for _, body in ipairs(unknown) do
    it("is unknown: " .. body:gsub("\n.*", " .."), function()
      local _, entry = change(body)
      assert.truthy(#M.unknown(entry) > 0)
    end)
  end

  it("has the types of its class's version", function()
    local sql = change("add_column :a, :b, :datetime", "up", "6.1")
    assert.same({ 'ALTER TABLE "a" ADD COLUMN "b" timestamp without time ' ..
                  "zone" }, sql)
  end)

  it("that cannot be reverted says so", function()
    local _, entry = change("execute 'SELECT 1'")
    assert.is_true(entry.down.refuses)
  end)

  it("is where its line says", function()
    local _, entry = change("add_column :a, :c, :text\nremove_column :a, :b")
    assert.equal(4, entry.statements[2].line)
    assert.equal("1_x.rb", entry.name)
  end)
end)

describe("a hostile Rails migration", function()
  local hostile = {
    ["no class"] = "puts 1",
    ["another kind of class"] = "class X < Base::Migration[1]\n" ..
      "  def change\n    drop_table :a\n  end\nend\n",
    ["no end"] = "class X < ActiveRecord::Migration[7.0]\n  def change\n",
    ["a string without an end"] = class("  def change\n    x \"abc\n  end"),
    ["a here-document without an end"] =
      class("  def change\n    execute <<~SQL\n      SELECT\n  end"),
    ["deep brackets"] = class("  def change\n    x " .. ("["):rep(100000) ..
      ("]"):rep(100000) .. "\n  end"),
    ["deep blocks"] = class("  def change\n" .. ("x do\n"):rep(20000) ..
      ("end\n"):rep(20000) .. "  end"),
    ["many signs"] = class("  def change\n    x " .. ("!"):rep(100000) ..
      "1\n  end"),
    ["many branches"] = class("  def change\n    if a\n" ..
      ("    elsif b\n"):rep(50000) .. "    end\n  end"),
    ["deep interpolation"] = class("  def change\n    x " ..
      ('"#{'):rep(50000) .. ('}"'):rep(50000) .. "\n  end"),
    ["names that hold each other"] = class("  def change\n    a = b\n" ..
      "    b = a\n    drop_table a\n  end"),
    ["nothing"] = "",
  }
  for name, text in pairs(hostile) do
    it("is unknown and ends nothing: " .. name, function()
      local _, entry = M.one("rails", "x.rb", text)
      assert.truthy(#M.unknown(entry) > 0)
    end)
  end

  it("may be ten megabytes long", function()
    local line = "    remove_column :some_table, :some_column\n"
    local text = class("  def change\n    execute <<~SQL\n      SELECT '" ..
      ("x\n      "):rep(1200000) .. "'\n    SQL\n" .. line:rep(99) ..
      "  end")
    assert.truthy(#text > 9 * 1024 * 1024)
    local reply = M.reader.sql({ { name = "x.rb", text = text,
                                   format = "rails" } },
                               { mode = "history" })
    assert.equal(100, #reply.files[1].statements)
  end)
end)
