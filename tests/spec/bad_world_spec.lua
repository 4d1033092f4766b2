-- What the world gets wrong: servers that are away or refuse, answers that
-- are missing, a full disk, another run. Each has its exit status, names the
-- object and the way out, and changes nothing.

local cli = require "tests.spec.support_cli"
local postgres = require "tests.spec.support_postgres"

local function says(result, ...)
  for _, text in ipairs { ... } do
    assert.truthy(result.all:find(text, 1, true),
      ("expected \"%s\" in:\n%s"):format(text, result.all))
  end
end

local function unchanged()
  assert.is_nil(cli.read "world.json")
end

local function last_line(text)
  return text:match "([^\n]*)\n$" or text
end

-- A gate that cannot see is closed: exit 5, with the driver's own words.
local function closed(bindings, read, ...)
  cli.environment(bindings)
  cli.book("\n local v, err = " .. read .. [[

  if not v then finish { as = "gate", because = err.message } end
  deploy.release { version = "v1" }]])
  local result = cli.run "run runbooks/book.lua --yes"
  assert.equal(5, result.status, result.all)
  says(result, "gate: ", ...)
  assert.truthy(last_line(result.out):match "^next: rbrun show %d+%-%w+$")
  unchanged()
  return result
end

-- The same without a gate: the runbook cannot go on, and is not begun.
local function refused(bindings, read, ...)
  cli.environment(bindings)
  cli.book("\n assert(" .. read .. ")\n deploy.release { version = 'v1' }")
  local result = cli.run "run runbooks/book.lua --yes"
  assert.equal(2, result.status, result.all)
  says(result, "book.lua:4", ...)
  assert.truthy(last_line(result.err):find("next:  rbrun doctor", 1, true),
    result.err)
  assert.same({}, cli.runs())
  unchanged()
end

local function both(bindings, read, ...)
  bindings = bindings .. cli.BINDINGS:match "deploy = .-},%s*\n"
  closed(bindings, read, ...)
  os.execute("rm -rf " .. cli.state)
  refused(bindings, read, ...)
end

before_each(cli.open)
after_each(cli.close)

describe("a server", function()
  it("that does not listen: Prometheus", function()
    both("metric = { m = { driver = \"prometheus\", "
      .. "url = \"http://127.0.0.1:1\" } },\n", "metric.query { expr = 'up' }",
      "metric", "127.0.0.1:1")
  end)

  it("that does not listen: a database", function()
    both("migrate = { db = { driver = \"postgres\", url = \"postgresql://"
      .. "app:hunter22@127.0.0.1:1/shop\", tool = \"rails\" } },\n",
      "migrate.status {}", "127.0.0.1", "refused")
    local said = cli.run "run runbooks/book.lua --yes"
    assert.is_nil(said.all:find("hunter22", 1, true))
  end)

  it("that is no repository", function()
    both("git = { api = { driver = \"libgit2\", path = \"nowhere.git\" } },\n",
      "git.resolve { ref = 'main' }", "nowhere.git")
  end)

  it("that is away when people are told: the run goes on", function()
    local bindings = cli.BINDINGS:gsub("notify = [^\n]*\n", "notify = { chat "
      .. "= { driver = \"webhook\", url = \"http://127.0.0.1:1/hook\" } },\n")
    cli.environment(bindings)
    cli.book "deploy.release { version = 'v1' } notify.send { text = 'x' }"
    local result = cli.run "run runbooks/book.lua --yes"
    assert.equal(0, result.status, result.all)
    says(result, "not told: chat (notify.send)")
    assert.truthy(cli.read "world.json":find('"version": "v1"', 1, true))
  end)
end)

describe("a repository", function()
  it("without the tag", function()
    cli.sh("git init -q api && cd api && git -c user.name=a -c user.email=a@b "
      .. "commit -q --allow-empty -m one && git tag v1")
    both("git = { api = { driver = \"libgit2\", path = \"../../api\" } },\n",
      "git.resolve { ref = 'v9' }", "v9")
  end)
end)

describe("a query", function()
  it("that matches nothing is no pass", function()
    both(cli.BINDINGS:gsub("deploy = .-},%s*\n", ""),
      "metric.query { expr = 'nothing' }", "nothing")
  end)
end)

describe("a database", function()
  local cluster

  setup(function()
    cluster = postgres.cluster()
    postgres.sql(cluster, "postgres",
      "CREATE ROLE app LOGIN SUPERUSER PASSWORD 'right-one'")
    local path = cluster.socket .. "/data/pg_hba.conf"
    local rules = postgres.slurp(path)
    postgres.spew(path, "local all app scram-sha-256\n" .. rules)
    postgres.sql(cluster, "postgres", "SELECT pg_reload_conf()")
  end)

  teardown(function()
    postgres.stop_cluster(cluster)
  end)

  local function bindings(name, password)
    return ("migrate = { db = { driver = \"postgres\", url = \"host=%s "
      .. "user=app password=%s dbname=%s\", tool = \"golang-migrate\", "
      .. "repo = \"../../api\", migrations = \"migrations\" } },\n")
      :format(cluster.socket, password, name)
  end

  it("that refuses the password", function()
    local name = postgres.database(cluster)
    both(bindings(name, "wrong-one"), "migrate.status {}", "app")
    local said = cli.run "run runbooks/book.lua --yes"
    assert.is_nil(said.all:find("wrong-one", 1, true), said.all)
  end)

  it("at another version than expected", function()
    local name = postgres.database(cluster, "CREATE TABLE schema_migrations "
      .. "(version bigint PRIMARY KEY, dirty boolean NOT NULL); "
      .. "INSERT INTO schema_migrations VALUES (3, false)")
    postgres.commit(cli.path "api", "v2", {
      ["migrations/2_a.up.sql"] = "CREATE TABLE a (x int);",
      ["migrations/2_a.down.sql"] = "DROP TABLE a;",
    })
    cli.environment(bindings(name, "right-one"))
    cli.book "\n migrate.down { expect = '2', at = 'v2' }"
    local result = cli.run "run runbooks/book.lua --yes"
    assert.equal(1, result.status, result.all)
    says(result, "conflict", "book.lua:4", "expected", "version 3")
    assert.equal("3|f", postgres.sql(cluster, name,
      "SELECT * FROM schema_migrations"))
  end)
end)

describe("a disk", function()
  -- In a mount namespace of its own, which goes with the command.
  local function on_disk(size, arguments, fill, look)
    local flags = cli.sh "id -u" == "0\n" and "-m" or "-rm"
    cli.write("full.sh", ("mount -t tmpfs -o size=%s none %s || exit 99\n%s\n"
      .. "%s 2>&1; echo \" $?\"\n%s\nfind %s -name journal.ndjson | wc -l\n"
      ):format(size, cli.state, fill, cli.command(arguments), look or "true",
      cli.state))
    cli.sh "mkdir state"
    return cli.sh("unshare %s sh full.sh 2>&1", flags)
  end

  it("that is full before a run: it is refused", function()
    cli.environment()
    cli.book "deploy.release { version = 'v1' }"
    local said = on_disk("64k", "run runbooks/book.lua --yes",
      "cat /dev/zero >state/full 2>/dev/null")
    assert.truthy(said:find("No space left on device", 1, true), said)
    assert.truthy(said:find(cli.state, 1, true), said)
    assert.truthy(said:find("next:  free", 1, true), said)
    assert.truthy(said:match " 2\n%d+\n$", said)
    unchanged()
  end)

  it("that fills up: no write leaves that is not on it", function()
    cli.environment(cli.BINDINGS .. [[command = { fill = { driver = "command",
      argv = { "/bin/sh", "-c", "cat /dev/zero >]] .. cli.state
      .. [[/full; true" } } },
    ]])
    -- More than the room that a journal keeps in reserve.
    cli.book [[command.run {}
      for i = 1, 1000 do
        deploy.release { version = i % 2 == 0 and "v1" or "v2" }
      end]]
    local said = on_disk("1m", "run runbooks/book.lua --yes --quiet", "true",
      "grep -a -c '\"kind\":\"intent\".*deploy.release' "
      .. cli.state .. "/runs/*/journal.ndjson")
    assert.truthy(said:find("No space left on device", 1, true), said)
    assert.truthy(said:match "next: free space[^\n]* rbrun resume %d+%-%w+\n",
      said)
    local status, intents = said:match " (%d+)\n(%d+)\n%d+\n$"
    assert.equal("7", status, said)
    local writes = tonumber(cli.read "world.json":match '"writes": (%d+)')
    assert.is_true(writes < 1000, said)
    assert.is_true(writes <= tonumber(intents), said)
  end)
end)

describe("a run", function()
  local function one()
    cli.environment()
    cli.book "finish { as = 'nothing', because = 'all is well' }"
    local result = cli.run "run runbooks/book.lua --yes"
    assert.equal(0, result.status, result.all)
    local runs = cli.runs()
    return runs[#runs]
  end

  local function bad(arguments, status, ...)
    local result = cli.run(arguments)
    assert.equal(status, result.status, result.all)
    says(result, ...)
    assert.truthy(last_line(result.err):match "^next:  .", result.err)
    unchanged()
    return result
  end

  it("that has ended is not resumed", function()
    local id = one()
    local before = cli.journal(id)
    bad("resume " .. id, 2, id, "has ended", "rbrun show " .. id)
    assert.equal(before, cli.journal(id))
  end)

  it("has to be named without doubt", function()
    local id = one()
    cli.sh("cp -r state/runs/%s state/runs/20200101-%s", id, id:sub(-4))
    bad("show " .. id:sub(-4), 2, "2 runs end in", id:sub(-4),
      "rbrun history")
  end)

  it("of a newer rbrun is left alone", function()
    local id = one()
    -- One that has only begun: its chain is whole.
    cli.sh("cd state/runs/%s && rm sealed && sed -i -n "
      .. "'1s/\"format\":1/\"format\":99/p' journal.ndjson", id)
    local before = cli.journal(id)
    for _, command in ipairs { "show", "status", "resume", "replay",
      "verify", "export" } do
      bad(command .. " " .. id, 2, id, "newer", "format 99")
    end
    assert.equal(before, cli.journal(id))
  end)

  it("whose journal was changed is left alone", function()
    local id = one()
    cli.sh("sed -i 's/all is well/all is bad/' state/runs/%s/journal.ndjson",
      id)
    local before = cli.journal(id)
    for _, command in ipairs { "show", "status", "resume", "replay",
      "verify", "export" } do
      bad(command .. " " .. id, 2, id)
    end
    assert.equal(before, cli.journal(id))
  end)

  it("keeps a second one out", function()
    cli.environment()
    cli.book "wait.sleep { duration = '60s' }"
    cli.sh("{ %s </dev/null >first 2>&1 & echo $! >pid; }",
      cli.command("run runbooks/book.lua --yes")
        :gsub("^cd %S+ && ", "exec "))
    local id = cli.sh [[for i in $(seq 200); do
      grep -qs wait.sleep state/runs/*/journal.ndjson && break; sleep 0.05
      done; ls state/runs]]:gsub("\n", "")
    local result = cli.run "run runbooks/book.lua --yes"
    local other = cli.run("resume " .. id)
    local status = cli.run("status " .. id)
    cli.sh "kill $(cat pid); while kill -0 $(cat pid) 2>/dev/null; do :; done"
    assert.equal(6, result.status, result.all)
    says(result, "service shop", "environment lab", "held by run " .. id)
    assert.equal("next:  rbrun status " .. id, last_line(result.err))
    assert.equal(6, other.status, other.all)
    assert.equal(0, status.status, status.all)
    says(status, "running")
    assert.same({ id }, cli.runs())
  end)
end)
