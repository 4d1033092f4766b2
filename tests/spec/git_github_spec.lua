local git = dofile "tests/spec/support_git.lua"
local support = git.support

local fails, good = git.fails, git.good

describe("git.last_green from GitHub", function()
  local repo, github, hash, world

  setup(function()
    repo = git.repository()
    hash = { a = repo:commit "a", b = repo:commit "b", c = repo:commit "c" }
    github = git.github { repo = "acme/shop", commits = {} }
  end)
  teardown(function()
    github:stop()
    repo:remove()
  end)
  before_each(function()
    world = { repo = "acme/shop", commits = {} }
    for _, commit in pairs(hash) do
      world.commits[commit] = { checks = { { "build", "completed",
        "success" } } }
    end
  end)

  local function last_green(binding)
    binding = binding or {}
    binding.ci = "github"
    binding.github_repo = binding.github_repo or "acme/shop"
    binding.github_url = github.url
    github:world(world)
    github:requests()
    return repo:call("git.last_green", { branch = "main" }, binding)
  end

  it("asks both lists, and sends what GitHub wants", function()
    world.token = "s3cret-token"
    local value = good(last_green { github_token = "s3cret-token" })
    assert.equal(hash.c, value.commit)
    assert.same({ { name = "build", state = "success" } }, value.signals)
    local asked = github:requests()
    assert.equal(2, #asked)
    assert.equal(("/repos/acme/shop/commits/%s/check-runs?per_page=100"
      .. "&page=1"):format(hash.c), asked[1].path)
    assert.equal(("/repos/acme/shop/commits/%s/status?per_page=100&page=1")
      :format(hash.c), asked[2].path)
    assert.equal("Bearer s3cret-token", asked[1].authorization)
    assert.equal("application/vnd.github+json", asked[1].accept)
    assert.truthy(asked[1].agent)
  end)

  -- What one check run or status does to a commit that is otherwise good.
  local checks = {
    { "completed", "success", "green" }, { "completed", "neutral", "green" },
    { "completed", "skipped", "green" }, { "completed", "failure", "red" },
    { "completed", "timed_out", "red" }, { "completed", "cancelled", "red" },
    { "completed", "action_required", "red" },
    { "completed", "stale", "red" },
    { "completed", "startup_failure", "red" },
    { "in_progress", nil, "pending" }, { "queued", nil, "pending" },
    { "completed", "something_new", "unknown" },
  }
  for _, row in ipairs(checks) do
    it(("takes a check that is %s %s as %s"):format(row[1], row[2] or "",
      row[3]), function()
      table.insert(world.commits[hash.c].checks, { "test", row[1],
        row[2] or require("dkjson").null })
      local value = good(last_green())
      if row[3] == "green" then
        assert.equal(hash.c, value.commit)
      else
        assert.equal(hash.b, value.commit)
        assert.same({ { commit = hash.c, state = row[3] } }, value.skipped)
      end
    end)
  end
  for status, state in pairs { failure = "red", error = "red",
    pending = "pending", odd = "unknown", success = "green" } do
    it("takes a status that is " .. status .. " as " .. state, function()
      world.commits[hash.c].statuses = { { "ci/lint", status } }
      local value = good(last_green())
      assert.equal(state == "green" and hash.c or hash.b, value.commit)
      if state ~= "green" then
        assert.equal(state, value.skipped[1].state)
      end
    end)
  end

  it("takes zero signals as unknown", function()
    world.commits[hash.c] = {}
    local value = good(last_green())
    assert.equal(hash.b, value.commit)
    assert.same({ { commit = hash.c, state = "unknown" } }, value.skipped)
  end)

  it("reads all pages", function()
    local many = {}
    for n = 1, 250 do many[n] = { "job " .. n, "completed", "success" } end
    many[250][3] = "failure"
    world.commits[hash.c].checks = many
    local value = good(last_green())
    assert.equal(hash.b, value.commit)
    assert.equal("red", value.skipped[1].state)
    assert.equal(6, #github:requests()) -- 3 pages, 1 of statuses, 2 for b
    many[250][3] = "success"
    assert.equal(250, #good(last_green()).signals)
  end)

  it("asks for smaller pages when one is too large", function()
    local many = {}
    for n = 1, 60 do many[n] = { "job " .. n, "completed", "success" } end
    world.commits[hash.c].checks = many
    world.padding = 30000
    assert.equal(60, #good(last_green()).signals)
  end)

  it("says until when the rate limit holds", function()
    world.rate_limited_after, world.rate_reset = 0, 1900000000
    fails(last_green(), "retryable", "rate limit", "2030-03-17T17:46:40Z",
      "github_token")
    world.rate_limited_after = nil
    world.status, world.retry_after = 429, 30
    fails(last_green(), "retryable", "429", "until")
  end)

  it("tells wrong credentials from what is not there", function()
    world.token = "right"
    local answer = last_green { github_token = "s3cret-token" }
    fails(answer, "auth", "github_token", "401")
    assert.falsy(answer.message:find("s3cret-token", 1, true))
    world.token = nil
    world.status = 403
    fails(last_green(), "auth", "403")
    world.status = nil
    fails(last_green { github_repo = "acme/nothing" }, "not_found",
      "acme/nothing", "404")
    world.commits[hash.c] = nil
    fails(last_green(), "not_found", hash.c:sub(1, 12), "422", "push")
    world.status = 301
    fails(last_green(), "not_found", "moved")
    world.status = 502
    fails(last_green(), "retryable", "502")
  end)

  it("refuses what is not GitHub's API", function()
    world.status = 200
    fails(last_green(), "unavailable", "documented form", "github_url")
  end)

  it("says when nobody listens", function()
    local answer = repo:call("git.last_green", { branch = "main" }, {
      ci = "github", github_repo = "acme/shop",
      github_url = "http://127.0.0.1:" .. support.closed_port(),
    })
    fails(answer, "unavailable", "127.0.0.1")
  end)
end)
