-- rbrun assess --environment: one call of migrate.assess on a live database.

local A = require "tests.spec.support_assess"
local P = require "tests.spec.support_postgres"
local cli = A.cli

local cluster

setup(function() cluster = P.cluster() end)
teardown(function() P.stop_cluster(cluster) end)

before_each(function()
  cli.open()
  local files = {}
  for name, text in pairs(A.HISTORY) do
    if name < "0004" then files["m/" .. name] = text end
  end
  P.commit(cli.path "repo", "v1", files)
  P.commit(cli.path "repo", "v2", {
    ["m/0004_email.up.sql"] = A.HISTORY["0004_email.up.sql"],
    ["m/0004_email.down.sql"] = A.HISTORY["0004_email.down.sql"] })
end)
after_each(cli.close)

--- A database at version 4, and an environment that binds it.
local function live(more, last)
  local sql = "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY "
    .. "KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES "
    .. "(" .. (last or 4) .. ", false);"
  for i = 1, last or 4 do
    for name, text in pairs(A.HISTORY) do
      if name:match("^000" .. i .. ".*up") then sql = sql .. text end
    end
  end
  local name = P.database(cluster, sql)
  cli.write("runbooks/environments/lab.lua", ([[
return { name = "lab",
  migrate = { shop = { driver = "postgres", url = %q, repo = %q,
    migrations = "m" } %s },
  grants = { ["*"] = { "migrate.* *" } } }
]]):format("host=" .. cluster.socket .. " user=postgres dbname=" .. name,
    cli.path "repo", more or ""))
end

describe("a live database", function()
  it("is asked with all its witnesses", function()
    live()
    local result = A.run "--environment lab --from v1 --to v2 --json"
    assert.equal(5, result.status, result.all)
    local net = A.objects(result)[1]
    assert.equal("incompatible", net.verdict)
    assert.equal("lab", net.environment)
    assert.equal("shop", net.database)
    assert.equal("column_removed", net.reasons[1].code)
  end)

  it("is told in words", function()
    live()
    local result = A.run "--environment lab --from v1 --to v2"
    assert.equal(5, result.status, result.all)
    for _, text in ipairs { "column_removed: public.users.email",
      "witness  catalog: not heard", "this release cannot be rolled back: "
      .. "drop of users.email", "the gate says no\nnext: " } do
      assert.truthy(result.out:find(text, 1, true), text .. "\n" .. result.out)
    end
  end)

  it("is asked before a release, when its migrations have not run", function()
    live(nil, 3)
    local result = A.run "--environment lab --from v1 --to v2 --json"
    local net = A.objects(result)[1]
    assert.same({ 5, "compatible", "incompatible", 1 },
      { result.status, net.verdict, net.after, net.pending })
    result = A.run "--environment lab --from v1 --to v2"
    assert.equal(5, result.status, result.all)
    for _, text in ipairs { "\nnot applied yet:\nincompatible  ",
      "1 migration of this release is not applied yet; once it is, the "
      .. "release cannot be rolled back: drop of users.email" } do
      assert.truthy(result.out:find(text, 1, true), text .. "\n" .. result.out)
    end
  end)

  it("says what to do where the older release would not start", function()
    live()
    local result = A.run "--environment lab --from v1 --to v2"
    for _, text in ipairs { "\nstart    fails: ", "\n         put the newer "
      .. "release's files", "\n         or roll forward: " } do
      assert.truthy(result.out:find(text, 1, true), text .. "\n" .. result.out)
    end
    live(nil, 3)
    result = A.run "--environment lab --from v2 --to v2"
    assert.equal(5, result.status, result.all)
    for _, text in ipairs { "\nstart    unknown: ", "whether the older one "
      .. "starts on the newer ledger is unknown; the gate says no\n",
      'next: let the older release start, as told at "start"' } do
      assert.truthy(result.out:find(text, 1, true), text .. "\n" .. result.out)
    end
  end)

  local function refused(arguments, ...)
    local result = A.run(arguments)
    assert.equal(2, result.status, result.all)
    for _, text in ipairs { "state: production is untouched", "next:  ", ... }
    do
      assert.truthy(result.err:find(text, 1, true),
        text .. "\n" .. result.err)
    end
  end

  it("that is down, or not bound, or not known is said", function()
    live([[, gone = { driver = "postgres", url = "host=/nowhere", repo = ".",
      migrations = "m" } ]])
    refused("--environment lab --from v1", "shop", "gone")
    refused("--environment lab --from v1 --database gone", "unavailable",
      "rbrun doctor --environment lab")
    refused("--environment lab --from v9 --database shop", "v9")
    refused("--environment moon --from v1", "moon")
  end)
end)
