local git = dofile "tests/spec/support_git.lua"
local support = git.support

local fails, good = git.fails, git.good

describe("git.resolve", function()
  local repo, hash = nil, {}

  setup(function()
    repo = git.repository()
    hash.one = repo:commit "first"
    repo:git "tag v1.0.0"
    hash.two = repo:commit "second: grüße"
    repo:git "tag -a v1.1.0 -m 'release'"
    repo:git "tag nightly"
    hash.three = repo:commit "third"
    repo:git "tag v2.0.0-rc.1"
    repo:git "branch topic HEAD~1"
    repo:git "tag both HEAD~2"
    repo:git "branch both HEAD"
    repo:git("update-ref refs/remotes/origin/far " .. hash.one)
    repo:git("update-ref refs/remotes/origin/main " .. hash.one)
    repo:git("tag tree " .. repo:git "rev-parse HEAD^{tree}")
  end)
  teardown(function() repo:remove() end)

  local function resolve(ref, binding)
    return repo:call("git.resolve", { ref = ref }, binding)
  end

  it("tells commit, tag, subject, author and time", function()
    assert.same({
      commit = hash.two, tag = "v1.1.0", subject = "second: grüße",
      author = "Ann Author", time = 1600000120,
    }, good(resolve "v1.1.0"))
  end)

  it("has no tag where none points", function()
    repo:git "checkout -q --detach"
    local commit = repo:commit "untagged"
    local value = good(resolve(commit))
    repo:git "checkout -q main"
    assert.is_nil(value.tag)
    assert.equal("untagged", value.subject)
  end)

  local same = {
    ["HEAD"] = "three", ["main"] = "three", ["refs/heads/main"] = "three",
    ["heads/main"] = false, ["topic"] = "two", ["v1.0.0"] = "one",
    ["refs/tags/v1.1.0"] = "two", ["HEAD~1"] = "two", ["HEAD~2"] = "one",
    ["HEAD^"] = "two", ["HEAD^^"] = "one", ["v1.1.0~1"] = "one",
    ["main~"] = "two", ["far"] = "one", ["origin/main"] = "one",
    ["nightly"] = "two", ["semver:latest"] = "two", ["semver:1.x"] = "two",
    ["semver:<1.1"] = "one", ["semver:>=2.0.0-0"] = "three",
  }
  for ref, name in pairs(same) do
    it("knows what " .. ref .. " means", function()
      if not name then
        fails(resolve(ref), "not_found", ref)
        return
      end
      assert.equal(hash[name], good(resolve(ref)).commit)
    end)
  end

  it("takes 4 to 40 digits of a hash, in either case", function()
    for _, n in ipairs { 7, 12, 39, 40 } do
      assert.equal(hash.two, good(resolve(hash.two:sub(1, n))).commit)
    end
    assert.equal(hash.two, good(resolve(hash.two:upper())).commit)
    fails(resolve(hash.two:sub(1, 3)), "not_found")
  end)

  it("names the candidates of an ambiguous hash", function()
    -- Commits until two share four digits: 600 make it all but certain.
    local seen = {}
    local bare = git.repository "--bare"
    finally(function() bare:remove() end)
    local stream = { }
    for n = 1, 1500 do
      stream[#stream + 1] = ("commit refs/heads/main\ncommitter A "
        .. "<a@example.org> %d +0000\ndata 1\nx\n"):format(1600000000 + n)
    end
    support.spew(bare.directory .. "/stream", table.concat(stream))
    bare:git("fast-import --quiet <" .. bare.directory .. "/stream")
    local pair
    for commit in bare:git("rev-list main"):gmatch "%x+" do
      local digits = commit:sub(1, 4)
      if seen[digits] then pair = { seen[digits], commit } end
      seen[digits] = commit
    end
    assert(pair, "1500 commits without a pair")
    local answer = bare:call("git.resolve", { ref = pair[1]:sub(1, 4) })
    fails(answer, "rejected", "ambiguous", pair[1]:sub(1, 12),
      pair[2]:sub(1, 12), "more digits")
  end)

  it("refuses a name that is a tag and another branch", function()
    fails(resolve "both", "rejected", "ambiguous", "refs/tags/both")
    assert.equal(hash.one, good(resolve "refs/tags/both").commit)
    assert.equal(hash.three, good(resolve "refs/heads/both").commit)
  end)

  it("names the nearest tags of one that is not there", function()
    fails(resolve "v1.0.1", "not_found", '"v1.0.1"', '"v1.0.0"', '"v1.1.0"')
    fails(resolve "nightli", "not_found", '"nightly"')
    fails(resolve "semver:3.x", "not_found", "semver:3.x", "3 tags",
      "v2.0.0-rc.1")
  end)

  it("never takes a prerelease that was not asked for", function()
    fails(resolve "semver:2.x", "not_found")
  end)

  it("orders versions as numbers, and refuses two of the same", function()
    local other = git.repository()
    finally(function() other:remove() end)
    local found = {}
    for _, tag in ipairs { "v1.9.0", "v1.10.0", "1.2.0", "v1.x", "v01.11.0" } do
      found[tag] = other:commit(tag)
      other:git("tag " .. tag)
    end
    local function highest()
      return other:call("git.resolve", { ref = "semver:1.x" })
    end
    assert.equal(found["v1.10.0"], good(highest()).commit)
    assert.equal("v1.10.0", good(highest()).tag)
    other:git("tag 1.10.0 " .. found["v1.9.0"])
    fails(highest(), "rejected", "ambiguous", "v1.10.0", "1.10.0")
  end)

  it("refuses what it does not understand", function()
    for _, ref in ipairs { "", "-x", "HEAD@{1}", "@", ":/fix", "a..b",
      "HEAD^2", "HEAD~0", "HEAD~9999999", "a b", "semver:", "semver:>" } do
      local answer = resolve(ref)
      assert.truthy(answer.outcome == "rejected"
        or answer.outcome == "not_found", ref .. ": " .. answer.outcome)
    end
    fails(resolve "HEAD~3", "not_found", "first commit")
    fails(resolve "tree", "rejected", "not a commit")
    fails(resolve(("x"):rep(600)), "rejected", "longer than")
  end)

  it("takes bare repositories, packed refs and tags", function()
    local path = repo.directory .. "/bare.git"
    repo:git(("clone -q --bare %s %s"):format(repo.path, path), true)
    repo:git(("-C %s pack-refs --all"):format(path), true)
    local value = good(resolve("v1.1.0", { path = path }))
    assert.equal(hash.two, value.commit)
    assert.equal("v1.1.0", good(resolve("main~1", { path = path })).tag)
  end)

  it("reads messages that are not UTF-8", function()
    repo:git "checkout -q --detach"
    support.spew(repo.directory .. "/message", "na\xefve \x80")
    repo:git("-c i18n.commitEncoding=latin1 commit -q --allow-empty -F "
      .. repo.directory .. "/message")
    local value = good(resolve "HEAD")
    repo:git "checkout -q main"
    assert.equal("na\u{FFFD}ve \u{FFFD}", value.subject)
  end)
end)

describe("a git binding", function()
  local repo

  before_each(function()
    repo = git.repository()
    repo:commit "first"
    repo:git "tag v1"
  end)
  after_each(function() repo:remove() end)

  local function resolve(path)
    return repo:call("git.resolve", { ref = "v1" }, { path = path })
  end

  it("names a path that does not exist", function()
    fails(resolve(repo.path .. "/nowhere"), "not_found", "/nowhere",
      "does not exist", "path")
  end)

  it("does not look in the folders above", function()
    assert(os.execute("mkdir " .. repo.path .. "/inside"))
    fails(resolve(repo.path .. "/inside"), "not_found",
      "not a git repository")
  end)

  it("says so when there is no commit yet", function()
    local empty = git.repository()
    finally(function() empty:remove() end)
    fails(empty:call("git.resolve", { ref = "HEAD" }), "not_found", "HEAD")
  end)

  it("names an object that is missing", function()
    local id = repo:git "rev-parse HEAD"
    os.remove(("%s/.git/objects/%s/%s"):format(repo.path, id:sub(1, 2),
      id:sub(3)))
    fails(resolve(), "unavailable", id, "fsck")
  end)

  it("names an object that is damaged", function()
    local id = repo:git "rev-parse HEAD"
    local path = ("%s/.git/objects/%s/%s"):format(repo.path, id:sub(1, 2),
      id:sub(3))
    os.remove(path)
    support.spew(path, "garbage")
    fails(resolve(), "unavailable", "fsck")
  end)

  it("takes a repository of another owner", function()
    if support.output "id -u" ~= "0\n" then
      -- Only root can give a folder away; it is root that would be refused.
      return
    end
    assert(os.execute("chown -R nobody " .. repo.path))
    assert.equal("v1", good(resolve()).tag)
  end)

  it("does not read the configuration of whoever runs it", function()
    support.spew(repo.directory .. "/.gitconfig", "[broken\n")
    local answer = support.output(("HOME=%s %s/tests/driver-call libgit2 "
      .. "git.resolve '{\"path\":\"%s\"}' '{\"ref\":\"v1\"}'")
      :format(repo.directory, support.build, repo.path))
    assert.truthy(answer:find('"outcome":"ok"', 1, true), answer)
  end)
end)
