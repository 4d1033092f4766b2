-- rbrun assess and what it cannot judge: each has its message (what, cause,
-- state of production, next command), status 2, and changes nothing.

local A = require "tests.spec.support_assess"
local cli = A.cli

before_each(cli.open)
after_each(cli.close)

local function refused(arguments, ...)
  local result = A.run(arguments)
  assert.equal(2, result.status, result.all)
  for _, part in ipairs { "rbrun: ", "state: production is untouched",
                          "next:  ", ... } do
    assert.truthy(result.err:find(part, 1, true),
      part .. "\n is not in:\n" .. result.err)
  end
  assert.equal("", result.out)
  return result
end

describe("options that do not fit", function()
  local ROWS = {
    { "", "which migrations?" },
    { "db --sarif --release x --from y", "give one of them" },
    { "--to HEAD db", "--to needs --from" },
    { "a b", "one directory at a time" },
    { "--release", "needs the files" },
    { "db --history x", "--history needs --release" },
    { "db --last 0", "--last needs a number" },
    { "db --last 3x", "--last needs a number" },
    { "db --fail-on sometimes", "--fail-on takes" },
    { "db --format cobol", 'no format "cobol"' },
    { "db --statements f", "--statements needs --shadow" },
    { "db --database api", "--database needs --environment" },
    { "--environment lab", "--environment needs --from" },
    { "--environment lab --from a db", "give --from, --to and --database" },
  }
  for _, row in ipairs(ROWS) do
    it(row[1] == "" and "none" or row[1], function()
      refused(row[1], row[2])
    end)
  end
end)

it("an error with --json is an object, too", function()
  local result = A.run "--json --sarif db"
  assert.equal(2, result.status)
  local list = A.objects(result)
  assert.equal(1, #list)
  assert.equal("error", list[1].event)
  assert.equal(2, list[1].exit)
end)

describe("files that cannot be judged", function()
  it("no such directory", function()
    refused("nowhere", "nowhere", "No such file or directory")
  end)

  it("a file where a directory is asked for", function()
    cli.write("a.sql", "SELECT 1;")
    refused("a.sql", "a.sql is not a directory", "--release a.sql")
  end)

  it("no migrations in it", function()
    A.files("db", { ["readme.txt"] = "hello" })
    refused("db", "db: ", "migration", "rbrun assess --release FILE...")
  end)

  it("a tool that nobody knows", function()
    A.files("db", A.HISTORY)
    refused("db --tool make", "make", "golang-migrate")
  end)

  it("two tools in one directory", function()
    A.files("db", A.HISTORY)
    A.files("db", { ["V1__a.sql"] = "SELECT 1;", ["V2__b.sql"] = "SELECT 1;" })
    refused("db", "golang-migrate", "flyway", "next:  name the folder")
  end)

  it("a release of a file that is not there, and of a directory", function()
    A.files("db", A.HISTORY)
    refused("--release db/0009_x.up.sql", "db/0009_x.up.sql", "No such file")
    refused("--release db", "db is not a file", "rbrun assess db")
    refused("--release db/0001_users.up.sql db/0001_users.up.sql",
      "named twice")
  end)

  it("a file whose tool its name does not tell", function()
    cli.write("m.txt", "SELECT 1;")
    refused("--release m.txt", "m.txt", "--format")
  end)

  it("a name that is not UTF-8", function()
    A.files("m", A.HISTORY)
    cli.sh "cp -r m \"b$(printf '\\351')d\""
    refused("b*d", "is not UTF-8", "rename it")
    cli.sh "touch \"m/9_$(printf '\\351').up.sql\""
    refused("m", "m: the file's name 9_\\xe9.up.sql is not UTF-8")
  end)

  it("a commit before the beginning of a shallow clone", function()
    local git = "git -C " .. cli.quote(cli.path "") .. "r "
      .. "-c user.name=n -c user.email=e "
    A.files("r/db", { ["1_a.up.sql"] = "CREATE TABLE t ();" })
    cli.sh("git init -q r && " .. git .. "add . && " .. git
      .. "commit -q -m 1 && " .. git .. "commit -q --allow-empty -m 2 && "
      .. "git clone -q --depth 1 file://" .. cli.quote(cli.path "r") .. " s")
    refused("--from HEAD~1 --repository s db", "is a shallow clone",
      "fetch --unshallow")
    refused("--from v1 --repository s db", 'commit "v1"',
      "fetch --unshallow --tags")
  end)

  it("a graph that goes in a circle", function()
    A.files("db/versions", {
      ["a.py"] = "revision = 'a'\ndown_revision = 'b'\n"
        .. "def upgrade():\n    pass\n",
      ["b.py"] = "revision = 'b'\ndown_revision = 'a'\n"
        .. "def upgrade():\n    pass\n" })
    refused("db", "a", "b")
  end)

  it("a file over the maximum", function()
    A.files("db", A.HISTORY)
    cli.sh "truncate -s 40M db/0005_big.up.sql"
    refused("db", "db/0005_big.up.sql is 41943040 bytes, more than")
  end)
end)

describe("files of which nothing is known are unknown", function()
  local function unknown(files, name)
    A.files("db", files)
    local result = A.run "db --json"
    assert.equal(5, result.status, result.all)
    assert.equal("unknown", A.verdicts(result)[name])
    return result.out
  end

  it("one that is not UTF-8", function()
    unknown({ ["1_a.up.sql"] = "SELECT '\xff';\n" }, "1_a.up.sql")
  end)

  it("one with a zero byte", function()
    unknown({ ["1_a.up.sql"] = "SELECT 1;\0DROP TABLE x;\n" }, "1_a.up.sql")
  end)

  it("one that is no SQL; the others are judged", function()
    A.files("db", A.HISTORY)
    local out = unknown({ ["0005_x.up.sql"] = "ALTR TABLE users;\n",
                          ["0006_y.up.sql"] = "DROP TABLE users;\n" },
                        "0005_x.up.sql")
    assert.truthy(out:find "unparsable")
    assert.equal("incompatible",
      A.verdicts(A.run "db --json")["0006_y.up.sql"])
  end)

  it("a program that nobody here reads", function()
    unknown({ ["20240101000000-a.js"] =
      "module.exports = { up: async (queryInterface) => {} }\n",
      ["20240102000000-b.js"] =
      "module.exports = { up: async (queryInterface) => {} }\n" },
      "20240101000000-a.js")
  end)
end)

it("a graph that branches is judged in one order, and told", function()
  local revision = "revision = '%s'\ndown_revision = %s\n"
    .. "def upgrade():\n    op.%s\ndef downgrade():\n    pass\n"
  A.files("db/versions", {
    ["a.py"] = revision:format("a", "None",
      "execute('CREATE TABLE t (x integer)')"),
    ["b.py"] = revision:format("b", "'a'", "drop_table('t')"),
    ["c.py"] = revision:format("c", "'a'",
      "execute('CREATE TABLE u (x integer)')") })
  local result = A.run "db"
  assert.equal(5, result.status, result.all)
  assert.truthy(result.out:find("\nnote: the history has 2 heads", 1, true),
    result.out)
  assert.truthy(result.out:find("table_removed: public.t", 1, true))
end)

describe("output that takes no more", function()
  before_each(function() A.files("db", A.HISTORY) end)

  it("a full disk", function()
    cli.sh("(%s) >/dev/full 2>err; echo $? >status",
      cli.command("assess db --json"))
    assert.equal("2\n", cli.read "status")
    assert.truthy(cli.read "err":find("No space left on device", 1, true))
  end)

  it("a closed pipe", function()
    cli.sh("(%s; echo $? >status) 2>err | true; while ! test -s status; "
      .. "do sleep 0.05; done", cli.command("assess db"))
    -- It may have been read before it was closed: then the gate speaks.
    local status = cli.read "status"
    assert.truthy(status == "2\n" or status == "5\n", status)
  end)
end)

describe("foreign text", function()
  it("does not command a terminal", function()
    A.files("db", { ["1_a.up.sql"] = "CREATE TABLE a (\"x\27[2J\" integer);\n",
      ["2_b.up.sql"] = "ALTER TABLE a DROP COLUMN \"x\27[2J\";\n" })
    local result = A.run "db"
    assert.equal(5, result.status)
    assert.is_nil(result.all:find "\27")
    assert.truthy(result.out:find("\\x1b[2J", 1, true))
  end)
end)
