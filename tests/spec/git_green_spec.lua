local git = dofile "tests/spec/support_git.lua"
local support = git.support

local fails, good = git.fails, git.good

describe("git.last_green", function()
  local repo, hash

  before_each(function()
    repo, hash = git.repository(), {}
  end)
  after_each(function() repo:remove() end)

  -- history { "a:green", "b:red", .. }, oldest first.
  local notes = {
    green = "build: success\ntest: success",
    red = "build: success\ntest: failure",
    pending = "build: success\ntest: pending",
    odd = "build: success\ntest: perhaps",
  }
  local function history(list)
    for _, entry in ipairs(list) do
      local name, state = entry:match "(%w+):(%w+)"
      hash[name] = repo:commit(name)
      if notes[state] then repo:note("HEAD", notes[state]) end
    end
  end

  local function last_green(args, binding)
    args.branch = args.branch or "main"
    return repo:call("git.last_green", args, binding)
  end

  it("finds the newest, with what it passed and what CI said", function()
    history { "a:green", "b:green", "c:red", "d:none", "e:pending", "f:odd" }
    repo:git("tag v1 " .. hash.b)
    assert.same({
      commit = hash.b, tag = "v1", subject = "b", time = 1600000120,
      behind = 4,
      skipped = {
        { commit = hash.f, state = "unknown" },
        { commit = hash.e, state = "pending" },
        { commit = hash.d, state = "unknown" },
        { commit = hash.c, state = "red" },
      },
      signals = { { name = "build", state = "success" },
        { name = "test", state = "success" } },
    }, good(last_green {}))
  end)

  it("starts strictly behind a commit", function()
    history { "a:green", "b:red", "c:green", "d:green" }
    repo:git("tag v3 " .. hash.c)
    for before, found in pairs { d = "c", c = "a", b = "a" } do
      assert.equal(hash[found],
        good(last_green { before = hash[before] }).commit)
    end
    assert.equal(hash.a, good(last_green { before = "v3" }).commit)
    local value = good(last_green { before = hash.d })
    assert.equal(0, value.behind)
    assert.same({}, value.skipped)
  end)

  it("says no_data behind the first commit", function()
    history { "a:green", "b:green" }
    fails(last_green { before = hash.a }, "no_data", "no green commit",
      hash.a)
  end)

  it("starts at the newest shared commit behind another branch's", function()
    history { "a:green", "b:red" }
    repo:git "checkout -q -b hotfix"
    history { "h:green" }
    repo:git "checkout -q main"
    history { "c:green" }
    local value = good(last_green { before = hash.h })
    assert.equal(hash.a, value.commit)
    assert.equal(1, value.behind)
  end)

  it("refuses a commit without a common history", function()
    history { "a:green" }
    repo:git "checkout -q --orphan other"
    history { "o:green" }
    fails(last_green { before = hash.o }, "rejected", "history in common")
  end)

  it("walks first parents only", function()
    history { "a:green", "b:red" }
    repo:git "checkout -q -b topic"
    history { "t:green" }
    repo:git "checkout -q main"
    hash.m = repo:git("merge -q --no-ff -m merge topic")
    assert.equal(hash.a, good(last_green {}).commit)
  end)

  it("takes only tagged commits when asked to", function()
    history { "a:green", "b:green", "c:green" }
    repo:git("tag -a v1 -m one " .. hash.a)
    local value = good(last_green { tagged = true })
    assert.equal(hash.a, value.commit)
    assert.equal("v1", value.tag)
    assert.equal(2, value.behind)
    assert.same({}, value.skipped)
  end)

  it("takes only commits that change a path when asked to", function()
    hash.a = repo:commit("a", { ["shop/x"] = "1" })
    repo:note("HEAD", notes.green)
    hash.b = repo:commit("b", { ["shop/x"] = "2" })
    repo:note("HEAD", notes.red)
    hash.c = repo:commit("c", { ["other/x"] = "1" })
    repo:note("HEAD", notes.green)
    assert.equal(hash.a, good(last_green { path = "shop" }).commit)
    assert.equal(hash.a, good(last_green { path = "./shop/" }).commit)
    assert.equal(hash.c, good(last_green { path = "other/x" }).commit)
    fails(last_green { path = "nowhere" }, "no_data", "0 were candidates")
  end)

  it("counts what it saw when there is none, and its limit", function()
    history { "a:green", "b:red", "c:pending", "d:none" }
    fails(last_green { limit = 3 }, "no_data", "among 3 commits", "1 red",
      "1 pending", "1 unknown", "limit")
    assert.equal(hash.a, good(last_green { limit = 4 }).commit)
    fails(last_green { limit = 0 }, "rejected", "limit")
  end)

  it("lists at most 20 passed commits and counts all", function()
    local list = { "a:green" }
    for n = 1, 25 do list[#list + 1] = "r" .. n .. ":red" end
    history(list)
    local value = good(last_green {})
    assert.equal(25, value.behind)
    assert.equal(20, #value.skipped)
    assert.equal(hash.r25, value.skipped[1].commit)
  end)

  it("never calls a commit without results green", function()
    history { "a:none", "b:red" }
    fails(last_green {}, "no_data", "1 unknown")
  end)

  it("says how to get notes that are not there", function()
    history { "a:none" }
    fails(last_green {}, "not_found", "refs/notes/ci", "fetch origin")
    repo.notes = "other"
    repo:note("HEAD", notes.green)
    assert.equal(hash.a,
      good(last_green({}, { notes_ref = "refs/notes/other" })).commit)
  end)

  it("reads notes in folders of two digits, and of both forms", function()
    history { "a:green", "b:red", "c:green" }
    local blobs = {}
    for name in ("abc"):gmatch "." do
      blobs[name] = repo:git("notes --ref=ci list " .. hash[name])
    end
    local function at(name, ...)
      local path = hash[name]
      for _, n in ipairs { ... } do
        path = path:sub(1, n) .. "/" .. path:sub(n + 1)
      end
      return "100644 blob " .. blobs[name] .. "\t" .. path
    end
    -- One note at each depth, built in an index of its own.
    local env = "export GIT_INDEX_FILE=" .. repo.directory .. "/index; "
    support.spew(repo.directory .. "/entries", table.concat({
      at("a", 2), at("b", 2, 5), at("c") }, "\n") .. "\n")
    local tree = support.output(env .. ("git -C %s update-index --index-info "
      .. "<%s/entries && git -C %s write-tree"):format(repo.path,
      repo.directory, repo.path)):match "%x+"
    repo:git("update-ref refs/notes/ci "
      .. repo:git("commit-tree -m notes " .. tree))
    assert.equal(hash.c, good(last_green {}).commit)
    local value = good(last_green { before = hash.c })
    assert.equal(hash.a, value.commit)
    assert.same({ { commit = hash.b, state = "red" } }, value.skipped)
  end)

  it("passes a note that is too large to be one", function()
    history { "a:green", "b:none" }
    support.spew(repo.directory .. "/note", ("x: success\n"):rep(10000))
    repo:git("notes --ref=ci add -F " .. repo.directory .. "/note")
    local value = good(last_green {})
    assert.equal(hash.a, value.commit)
    assert.equal("unknown", value.skipped[1].state)
  end)

  it("names the branches there are, and takes a remote's", function()
    history { "a:green" }
    fails(last_green { branch = "mian" }, "not_found", '"mian"', "main")
    repo:git("update-ref refs/remotes/origin/release " .. hash.a)
    assert.equal(hash.a, good(last_green { branch = "release" }).commit)
    fails(last_green { before = "v9" }, "not_found", "v9")
  end)

  it("says where a shallow clone ends", function()
    history { "a:green", "b:red", "c:red" }
    local path = repo.directory .. "/shallow"
    repo:git(("clone -q --depth 2 file://%s %s"):format(repo.path, path),
      true)
    repo:git(("-C %s fetch -q origin refs/notes/ci:refs/notes/ci")
      :format(path), true)
    fails(last_green({}, { path = path }), "partial", "shallow",
      "--unshallow")
    -- What lies within it is found.
    repo:note(hash.b, notes.green)
    repo:git(("-C %s fetch -q origin +refs/notes/ci:refs/notes/ci")
      :format(path), true)
    assert.equal(hash.b, good(last_green({}, { path = path })).commit)
  end)

  it("needs to know where CI results are", function()
    history { "a:green" }
    fails(last_green({}, { ci = "none" }), "rejected", "ci")
  end)
end)
