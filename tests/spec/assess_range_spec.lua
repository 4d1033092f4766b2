-- rbrun assess --from REV --to REV: what lies between two commits, as one net
-- change, out of git alone.

local A = require "tests.spec.support_assess"
local cli = A.cli

local function git(arguments)
  return cli.sh("cd repo && GIT_CONFIG_GLOBAL=/dev/null git -c user.name=t "
    .. "-c user.email=t@localhost %s 2>&1", arguments)
end

local function commit(tag, files)
  for name, text in pairs(files) do
    if text then
      A.files("repo", { [name] = text })
    else
      os.remove(cli.path("repo/" .. name))
    end
  end
  git "add -A"
  git("commit -q --allow-empty -m " .. tag)
  git("tag " .. tag)
end

local function in_folder(files, first, last)
  local out = {}
  for name, text in pairs(files) do
    if name >= first and name < last then out["db/m/" .. name] = text end
  end
  return out
end

before_each(function()
  cli.open()
  cli.sh "mkdir repo && git init -q repo"
  commit("v1", in_folder(A.HISTORY, "0001", "0002"))
  commit("v2", in_folder(A.HISTORY, "0002", "0004"))
  commit("v3", in_folder(A.HISTORY, "0004", "0005"))
end)
after_each(cli.close)

local function net(arguments)
  local result = A.run(arguments .. " --json")
  local list = A.objects(result)
  return list[#list], list, result
end

describe("a range of commits", function()
  it("has one verdict, and one of each file", function()
    local last, list, result = net "--from v1 --to v3 repo/db/m"
    assert.equal(5, result.status)
    assert.is_true(last.release)
    assert.equal("incompatible", last.verdict)
    assert.same({ "column_removed: public.users.email" },
      A.names(last, "reasons"))
    assert.same({ ["0002_age.up.sql"] = "compatible",
                  ["0003_null.up.sql"] = "caution",
                  ["0004_email.up.sql"] = "incompatible" },
      A.verdicts(result))
    assert.equal(4, #list)
    assert.equal("db/m/0004_email.up.sql", list[3].path)
  end)

  it("is told with files as the repository names them", function()
    local out = A.run "--from v2 --to v3 repo/db/m".out
    for _, text in ipairs { "1 migration of db/m between v2 and v3",
      "after 3 earlier", "db/m/0004_email.up.sql:2: column_removed",
      "this release cannot be rolled back: drop of users.email" } do
      assert.truthy(out:find(text, 1, true), text .. "\n" .. out)
    end
  end)

  it("goes up to HEAD, and finds its repository", function()
    assert.equal("incompatible", (net "--from v2 repo/db/m").verdict)
    assert.equal("incompatible",
      (net "--from v2 --repository repo db/m").verdict)
    local result = cli.sh("cd repo/db && %s assess --from v2 m --json",
      cli.rbrun)
    assert.truthy(result:find '"verdict":"incompatible"')
  end)

  it("does not look at the working tree", function()
    A.files("repo", { ["db/m/0005_x.up.sql"] = "DROP TABLE users;\n",
                      ["db/m/0001_users.up.sql"] = "nonsense" })
    local last = net "--from v1 --to v2 repo/db/m"
    assert.equal("caution", last.verdict)
    assert.same({ "data" }, last.caution_kinds)
  end)

  it("without a migration is none, and passes", function()
    commit("v4", { ["app.txt"] = "x" })
    local last, list, result = net "--from v3 --to v4 repo/db/m"
    assert.equal("none", last.verdict)
    assert.equal(1, #list)
    assert.equal(0, result.status)
  end)

  it("that has the first migrations has nothing before them", function()
    commit("v5", { ["other/1_a.up.sql"] = "CREATE TABLE a (x integer);\n" })
    assert.equal("compatible", (net "--from v3 --to v5 repo/other").verdict)
  end)

  it("judges one that sorts before released ones after them", function()
    commit("v4", { ["db/m/0002_late.up.sql.txt"] = false,
      ["db/m/00015_late.up.sql"] = "DROP TABLE users;\n" })
    local last = net "--from v3 --to v4 repo/db/m"
    assert.equal("incompatible", last.verdict)
    assert.same({ "00015_late.up.sql" }, last.files)
  end)

  it("does not know what a changed or removed migration did", function()
    commit("v4", { ["db/m/0002_age.up.sql"] =
      "ALTER TABLE users ADD COLUMN age bigint;\n" })
    local last = net "--from v3 --to v4 repo/db/m"
    assert.equal("unknown", last.verdict)
    local codes = {}
    for _, reason in ipairs(last.reasons) do codes[reason.code] = true end
    assert.is_true(codes.migration_changed)
    commit("v5", { ["db/m/0004_email.up.sql"] = false,
                   ["db/m/0004_email.down.sql"] = false })
    last = net "--from v4 --to v5 repo/db/m"
    assert.equal("unknown", last.verdict)
    assert.equal("migration_removed", last.reasons[1].code)
  end)

  it("passes over one that was only renamed", function()
    git "mv db/m/0002_age.up.sql db/m/0002_years.up.sql"
    git "mv db/m/0002_age.down.sql db/m/0002_years.down.sql"
    commit("v4", {})
    assert.equal("none", (net "--from v3 --to v4 repo/db/m").verdict)
  end)

  it("of files that are no text is unknown", function()
    commit("v4", { ["db/m/0005_b.up.sql"] = "SELECT '\xff';\n" })
    local last, list = net "--from v3 --to v4 repo/db/m"
    assert.equal("unknown", last.verdict)
    assert.equal("unreadable", list[1].reasons[1].code)
  end)

  it("is refused where a name is wrong", function()
    for arguments, text in pairs {
      ["--from v9 repo/db/m"] = "v9",
      ["--from v1 --to nowhere repo/db/m"] = "nowhere",
      ["--from v1 repo/db/x"] = "db/x",
      ["--from v1 --repository nowhere db/m"] = "nowhere",
      ["--from v1 /"] = "no git repository" } do
      local result = A.run(arguments)
      assert.equal(2, result.status, arguments .. result.all)
      assert.truthy(result.err:find(text, 1, true), result.err)
      assert.truthy(result.err:find("\nnext:  ", 1, true), result.err)
    end
  end)
end)
