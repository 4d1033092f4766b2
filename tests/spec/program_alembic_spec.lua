-- Alembic's revisions as the reader understands them, against what Debian's
-- alembic makes of the same files on a real cluster.
package.path = "tests/spec/?.lua;" .. package.path
local M = require "support_programs"
local P = M.P

local head = [[
from alembic import op
import sqlalchemy as sa
revision = "2"
down_revision = "1"
]]

local function up(body)
  local text = head .. "def upgrade():\n    " .. body:gsub("\n", "\n    ") ..
    "\n\ndef downgrade():\n    pass\n"
  return M.one("alembic", "2_x.py", text)
end

describe("an Alembic history", function()
  local cluster
  setup(function() cluster = P.cluster() end)
  teardown(function() P.stop_cluster(cluster) end)

  local names = { "versions/0001_begin.py", "versions/0002_change.py" }

  it("makes the same schema as alembic itself", function()
    local real, mine = P.database(cluster), P.database(cluster)
    M.run("alembic", ("TEST_URL='postgresql://postgres@/%s?host=%s' " ..
      "PATH=/usr/bin:$PATH alembic upgrade head"):format(real,
      cluster.socket))
    local reply = M.ask(M.files("alembic", names))
    P.sql(cluster, mine, M.script(reply))
    local dump = M.dump(cluster, real)
    assert.truthy(dump:find("CREATE TABLE public.order_lines", 1, true))
    assert.same(dump, M.dump(cluster, mine))
  end)

  it("names the lines of what breaks older code", function()
    local reply = M.ask(M.files("alembic", names))
    local found = {}
    for _, reason in ipairs(reply.files[2].reasons) do
      found[reason.code .. ": " .. reason.object] = reason.line
    end
    assert.equal(41, found["column_removed: public.orders.raw"])
    assert.equal(42, found["table_renamed: public.lines"])
    assert.is_false(reply.files[2].transaction) -- the concurrent index
    assert.is_true(reply.files[2].down.refuses)
    assert.is_false(reply.files[1].down.refuses)
  end)
end)

-- A statement and what it is in SQL.
local forms = {
  { "op.drop_table('a', schema='s')", 'DROP TABLE "s"."a"' },
  { "op.drop_column('a', 'b')", 'ALTER TABLE "a" DROP COLUMN "b"' },
  { "op.drop_index('i', table_name='a', postgresql_concurrently=True)",
    'DROP INDEX CONCURRENTLY "i"' },
  { "op.execute('SELECT 1')", "SELECT 1" },
  { "op.execute(sa.text(r'SELECT \\:a'))", "SELECT :a" },
  { "conn = op.get_bind()\nconn.execute(sa.text('SELECT ' '2'))",
    "SELECT 2" },
  { "NAME = 'a'\nop.drop_table(NAME)", 'DROP TABLE "a"' },
  { "op.drop_constraint(op.f('c'), 'a', type_='unique')",
    'ALTER TABLE "a" DROP CONSTRAINT "c"' },
  { "if op.get_bind().dialect.name != 'postgresql':\n    op.drop_table('a')\n"
    .. "else:\n    op.drop_table('b')", 'DROP TABLE "b"' },
  { "op.add_column('a', sa.Column('c', sa.String(9), nullable=False,\n" ..
    "    server_default=sa.text(\"'x'\")))",
    [[ALTER TABLE "a" ADD COLUMN "c" character varying(9) DEFAULT 'x' ]] ..
    "NOT NULL" },
  { "op.alter_column('a', 'c', server_default=None)",
    'ALTER TABLE "a" ALTER COLUMN "c" DROP DEFAULT' },
  { "sa.Enum('x', 'y', name='e').create(op.get_bind())",
    [[CREATE TYPE "e" AS ENUM ('x', 'y')]] },
}

-- Statements that are not understood, as they must say.
local unknown = {
  "for t in ('a', 'b'):\n    op.drop_table(t)",
  "if exists('a'):\n    op.drop_table('a')",
  "op.execute(f'DROP TABLE {t}')",
  "op.execute('DROP TABLE ' + name)",
  "op.execute(sa.text('SELECT :a').bindparams(a=1))",
  "op.drop_table(*tables)",
  "op.drop_table('a', surprise=True)",
  "op.add_column('a', sa.Column('c', MyType()))",
  "op.add_column('a', sa.Column('c', sa.ForeignKey('b.id')))",
  "op.drop_constraint(None, 'a', type_='unique')",
  "op.invent_something('a')",
  "helper(op)",
  "with something() as x:\n    op.drop_table('a')",
  "try:\n    op.drop_table('a')\nexcept Exception:\n    pass",
  "session.query(User).delete()",
  "NAME = 'a'\nif x:\n    NAME = 'b'\nop.drop_table(NAME)",
  "op.drop_table('a') if x else None",
  "x = [op.drop_table(t) for t in y]\nx.run()",
}

describe("an Alembic statement", function()
  for _, row in ipairs(forms) do
    it(row[1]:gsub("\n.*", " .."), function()
      local sql = up(row[1])
      assert.same({ row[2] }, sql)
    end)
  end

  for _, body in ipairs(unknown) do
    it("is unknown: " .. body:gsub("\n.*", " .."), function()
      local _, entry = up(body)
      assert.truthy(#M.unknown(entry) > 0)
      assert.truthy(entry.verdict == "unknown" or
                    entry.verdict == "incompatible")
    end)
  end

  it("tells the line of each statement in a text of SQL", function()
    local _, entry = up("op.drop_table('a')\nop.execute('''\nSELECT 1;\n" ..
                        "DROP TABLE b\n''')")
    local lines = {}
    for i, one in ipairs(entry.statements) do lines[i] = one.line end
    assert.same({ 6, 8, 9 }, lines)
  end)
end)

-- Texts that no reader should have to meet.
local deep = ("("):rep(100000)
local hostile = {
  ["brackets without an end"] = head .. "def upgrade():\n  x = " .. deep,
  ["deep brackets"] = head .. "def upgrade():\n  x = " .. deep ..
    (")"):rep(100000),
  ["deep blocks"] = (function()
    local out = { head, "def upgrade():\n" }
    for i = 1, 300 do out[#out + 1] = (" "):rep(i) .. "if x:\n" end
    return table.concat(out) .. (" "):rep(301) .. "pass\n"
  end)(),
  ["a string without an end"] = head .. "def upgrade():\n  x = '''abc",
  ["a long sum"] = head .. "def upgrade():\n  op.execute(" ..
    ("'a' + "):rep(50000) .. "'b')",
  ["many unary signs"] = head .. "def upgrade():\n  x = " ..
    ("not "):rep(100000) .. "1\n  x.y()",
  ["names that hold each other"] = head ..
    "def upgrade():\n  a = b\n  b = a\n  op.drop_table(a)",
  ["odd indentation"] = head .. "def upgrade():\n    a()\n  b()\n",
  ["nothing"] = "",
  ["no Python"] = "CREATE TABLE a (b int);",
}

describe("a hostile revision", function()
  for name, text in pairs(hostile) do
    it("is unknown and ends nothing: " .. name, function()
      local _, entry = M.one("alembic", "x.py", text)
      assert.truthy(#M.unknown(entry) > 0)
    end)
  end

  it("may be ten megabytes long", function()
    local line = "    op.drop_column('some_table', 'some_column')\n"
    local text = head .. "def upgrade():\n    op.execute('''SELECT '" ..
      ("x"):rep(10 * 1024 * 1024 - #line * 100) .. "' ''')\n" .. line:rep(99)
    local reply = M.reader.sql({ { name = "x.py", text = text,
                                   format = "alembic" } },
                               { mode = "history" })
    assert.equal(100, #reply.files[1].statements)
  end)
end)
