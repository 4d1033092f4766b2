local git = dofile "tests/spec/support_git.lua"
local support = git.support

local fails, good = git.fails, git.good

describe("git.changes", function()
  local repo, hash

  setup(function()
    repo, hash = git.repository(), {}
    hash.one = repo:commit("one", {
      ["app/a.txt"] = "a\n", ["app/b.txt"] = ("b line\n"):rep(20),
      ["db/migrate/1.sql"] = "create table a ();\n", ["README"] = "1\n" })
    repo:git "tag v1"
    hash.two = repo:commit("two", {
      ["app/a.txt"] = "a2\n", ["db/migrate/2.sql"] = "create table b ();\n" })
    repo:git "checkout -q -b topic v1"
    hash.side = repo:commit("side", { ["side.txt"] = "s\n" })
    repo:git "checkout -q main"
    repo:git "merge -q --no-ff -m merged topic"
    hash.merge = repo:git "rev-parse HEAD"
    repo:git "mv app/b.txt app/c.txt"
    hash.three = repo:commit("three", { ["README"] = false })
    repo:git "tag -a v2 -m two"
  end)
  teardown(function() repo:remove() end)

  local function changes(args, binding)
    return repo:call("git.changes", args, binding)
  end

  it("lists commits newest first, files by path, migrations", function()
    local value = good(changes({ from = "v1", to = "v2" },
      { migrations = "db/migrate" }))
    assert.equal(4, value.count)
    assert.is_true(value.ancestor)
    local found = {}
    for i, commit in ipairs(value.commits) do found[i] = commit.commit end
    assert.equal(hash.three, found[1])
    assert.equal(hash.merge, found[2])
    assert.same({ [hash.side] = true, [hash.two] = true },
      { [found[3]] = true, [found[4]] = true })
    assert.same({ commit = hash.three, subject = "three",
      author = "Ann Author", time = repo.clock }, value.commits[1])
    assert.same({
      { path = "README", change = "removed" },
      { path = "app/a.txt", change = "modified" },
      { path = "app/c.txt", change = "renamed", old_path = "app/b.txt" },
      { path = "db/migrate/2.sql", change = "added" },
      { path = "side.txt", change = "added" },
    }, value.files)
    assert.same({ { path = "db/migrate/2.sql", change = "added" } },
      value.migrations)
  end)

  it("limits files to a folder, but never the migrations", function()
    local value = good(changes({ from = "v1", to = "v2", path = "app" },
      { migrations = "db/migrate/" }))
    assert.equal(2, #value.files)
    assert.equal(1, #value.migrations)
    assert.equal(4, value.count)
  end)

  it("has no migrations without a folder of them", function()
    assert.same({}, good(changes { from = "v1", to = "v2" }).migrations)
  end)

  it("tells backwards and sideways from forwards", function()
    local back = good(changes { from = "v2", to = "v1" })
    assert.is_false(back.ancestor)
    assert.equal(0, back.count)
    assert.same({ path = "side.txt", change = "removed" }, back.files[5])
    local across = good(changes { from = hash.side, to = hash.two })
    assert.is_false(across.ancestor)
    assert.equal(1, across.count)
    local none = good(changes { from = "v2", to = "main" })
    assert.is_true(none.ancestor)
    assert.equal(0, none.count)
    assert.same({}, none.files)
  end)

  it("does not read a mistyped folder as nothing changed", function()
    fails(changes { from = "v1", to = "v2", path = "ap" }, "not_found",
      "no folder ap")
    fails(changes({ from = "v1", to = "v2" }, { migrations = "migrations" }),
      "not_found", "no folder migrations")
    fails(changes { from = "v1", to = "v2", path = "../x" }, "rejected")
    fails(changes { from = "v1", to = "v3" }, "not_found", '"v3"', '"v1"')
  end)

  it("takes names of files as names, not as patterns", function()
    repo:git "checkout -q -b odd v2"
    repo:commit("odd", { ["[a]*/x"] = "1", ["a/x"] = "1" })
    local value = good(changes { from = "v2", to = "odd", path = "[a]*" })
    repo:git "checkout -q main"
    assert.same({ { path = "[a]*/x", change = "added" } }, value.files)
  end)

  it("lists at most 100 commits and counts all", function()
    local other = git.repository "--bare"
    finally(function() other:remove() end)
    local stream = {}
    for n = 1, 151 do
      stream[n] = ("commit refs/heads/main\ncommitter A <a@example.org> %d "
        .. "+0000\ndata 1\nx\n"):format(1600000000 + n)
    end
    support.spew(other.directory .. "/stream", table.concat(stream))
    other:git("fast-import --quiet <" .. other.directory .. "/stream")
    local value = good(other:call("git.changes",
      { from = "main~150", to = "main" }))
    assert.equal(150, value.count)
    assert.equal(100, #value.commits)
    assert.equal(1600000151, value.commits[1].time)
  end)

  it("says so when more files differ than fit an answer", function()
    local other = git.repository "--bare"
    finally(function() other:remove() end)
    local stream = { "commit refs/heads/main\ncommitter A <a@example.org> 1 "
      .. "+0000\ndata 1\nx\ncommit refs/heads/main\ncommitter A "
      .. "<a@example.org> 2 +0000\ndata 1\nx\n" }
    for n = 1, 4097 do
      stream[#stream + 1] = ("M 100644 inline d/%d\ndata 4\n%04d\n")
        :format(n, n)
    end
    stream[#stream + 1] = "M 100644 inline e/x\ndata 1\nx\n"
    support.spew(other.directory .. "/stream", table.concat(stream))
    other:git("fast-import --quiet <" .. other.directory .. "/stream")
    fails(other:call("git.changes", { from = "main~1", to = "main" }),
      "partial", "4098 files", "path")
    assert.equal(1, #good(other:call("git.changes",
      { from = "main~1", to = "main", path = "e" })).files)
  end)

  it("says that a shallow clone cannot tell", function()
    local path = repo.directory .. "/shallow"
    repo:git(("clone -q --depth 1 file://%s %s"):format(repo.path, path),
      true)
    repo:git(("-C %s fetch -q --depth 1 origin tag v1"):format(path), true)
    fails(changes({ from = "v1", to = "v2" }, { path = path }), "partial",
      "shallow", "--unshallow")
  end)
end)
