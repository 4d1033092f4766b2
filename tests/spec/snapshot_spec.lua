-- Snapshots of a real PostgreSQL database and of a command's output: taken,
-- read back, damaged in every way, found again by their probe.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

local ID = "snap-000102030405"

describe("snapshots", function()
  local cluster, dir, database

  setup(function()
    cluster = P.cluster()
    database = P.database(cluster, [[
      CREATE TABLE items (id serial PRIMARY KEY, name text NOT NULL);
      INSERT INTO items (name)
        SELECT md5(g::text) || E'\\.' FROM generate_series(1, 20000) g;
      INSERT INTO items (name) VALUES (E'\\.'), (E'a\n\\.\nb');
      CREATE TABLE "odd name" (a int, b text);
      INSERT INTO "odd name" VALUES (1, NULL);
      CREATE TABLE nothing (a int);
      CREATE ROLE reader LOGIN;
      CREATE ROLE owner LOGIN PASSWORD 'se cret''x';
      GRANT ALL ON ALL TABLES IN SCHEMA public TO owner;
      GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO owner;
      SELECT lo_from_bytea(0, 'a large object');
    ]])
  end)
  teardown(function() P.stop_cluster(cluster) end)

  before_each(function() dir = P.scratch() end)
  after_each(function() P.remove(dir) end)

  local function url(user)
    return ("host=%s user=%s dbname=%s"):format(cluster.socket,
                                                user or "postgres", database)
  end

  local function call(verb, binding, args, more)
    local c = { driver = "pg_dump", verb = "snapshot." .. verb,
                binding = binding, args = args }
    for k, v in pairs(more or {}) do c[k] = v end
    return P.call(dir, c)
  end

  local function binding(more)
    local b = { url = url(), directory = dir .. "/kept" }
    for k, v in pairs(more or {}) do b[k] = v end
    return b
  end

  local function verify()
    return call("verify", binding(), { id = ID })
  end

  local function manifest()
    return json.decode(P.slurp(dir .. "/kept/" .. ID .. "/manifest.json"))
  end

  local function largest()
    return (P.output(("ls -S %s/kept/%s/dump/*.gz"):format(dir, ID))
            :match "[^\n]+")
  end

  it("are taken whole and say what they do not cover", function()
    local a = call("take", binding(), { note = "before the rollback" })
    assert.equal("ok", a.outcome, a.message)
    assert.equal(ID, a.value.id)
    assert.is_true(a.value.verified)
    assert.is_true(a.value.files >= 4 and a.value.bytes > 100000)
    assert.matches("roles", table.concat(a.value.not_covered, "\n"))
    local m = manifest()
    assert.equal("before the rollback", m.note)
    assert.equal(database, m.about.source.database)
    assert.matches("^pg_dump %(PostgreSQL%)", m.about.pg_dump)
    assert.equal(3, m.about.read_back.tables)
    assert.equal(a.value.files, #m.files)
    local v = verify()
    assert.equal("ok", v.outcome, v.message)
    assert.equal(a.value.bytes, v.value.bytes)
    assert.is_true(v.value.age >= 0 and v.value.age < 60)
  end)

  it("can be restored", function()
    assert.equal("ok", call("take", binding(), {}).outcome)
    local other = P.database(cluster)
    local _, status = P.output(("pg_restore -h %s -U postgres -d %s %s"):format(
      cluster.socket, other, dir .. "/kept/" .. ID .. "/dump"))
    assert.equal(0, status)
    local query = "SELECT count(*), md5(string_agg(name, '' ORDER BY id)) " ..
                  "FROM items"
    assert.equal(P.sql(cluster, database, query),
                 P.sql(cluster, other, query))
  end)

  it("are kept with their run where no directory is bound", function()
    local a = call("take", { url = url() }, {})
    assert.equal("ok", a.outcome, a.message)
    assert.equal(dir .. "/run/" .. ID, a.value.path)
  end)

  it("leave excluded tables out, and say so", function()
    local a = call("take", binding { exclude = { "items", '"odd name"' },
                                     jobs = 1 }, {})
    assert.equal("ok", a.outcome, a.message)
    assert.equal(1, manifest().about.read_back.tables)
    assert.matches("2 excluded", table.concat(a.value.not_covered, "\n"))
  end)

  it("see a truncated file, which pg_restore --list does not", function()
    call("take", binding(), {})
    local file = largest()
    assert(os.execute("truncate -s -1000 " .. file))
    local _, listed = P.output(("pg_restore --list %s/kept/%s/dump >/dev/null")
                               :format(dir, ID))
    assert.equal(0, listed)
    local v = verify()
    assert.equal("conflict", v.outcome)
    assert.matches(file:match "dump/[^/]+$", v.message, 1, true)
  end)

  it("see one flipped bit", function()
    call("take", binding(), {})
    local file = largest()
    local bytes = P.slurp(file)
    local middle = #bytes // 2
    P.spew(file, bytes:sub(1, middle - 1) ..
      string.char(bytes:byte(middle) ~ 1) .. bytes:sub(middle + 1))
    local v = verify()
    assert.equal("conflict", v.outcome)
    assert.matches(file:match "dump/[^/]+$", v.message, 1, true)
    assert.matches("SHA%-256", v.message)
  end)

  it("see a table whose data is gone", function()
    call("take", binding(), {})
    local file = largest()
    os.remove(file)
    local v = verify()
    assert.equal("conflict", v.outcome)
    assert.matches("is missing", v.message)
  end)

  -- The checksums are computed after the dump: a pg_dump whose output is cut
  -- short has to be caught by reading the archive itself.
  it("are not believed when the archive itself is cut short", function()
    local broken = P.spew(dir .. "/pg_dump", [[#!/bin/sh
for word; do case $word in --file=*) folder=${word#--file=} ;; esac; done
[ "$1" = --version ] && exec pg_dump --version
pg_dump "$@" || exit
largest=$(ls -S "$folder"/*.gz | head -1)
gzip -dc "$largest" | head -c 5000 | gzip -c > "$largest.new"
mv "$largest.new" "$largest"
]])
    assert(os.execute("chmod +x " .. broken))
    local a = call("take", binding { pg_dump = broken,
                                     pg_restore = "pg_restore" }, {})
    assert.equal("retryable", a.outcome, json.encode(a))
    assert.matches("3 tables, and 2 come to their end", a.message)
    assert.equal("", P.output("ls " .. dir .. "/kept"))
  end)

  it("answer the same call with the same snapshot", function()
    local first = call("take", binding(), {})
    P.sql(cluster, database, "INSERT INTO nothing VALUES (1)")
    local again = call("take", binding(), {})
    P.sql(cluster, database, "DELETE FROM nothing")
    assert.same(first, again)
    local other = call("take", binding(), {}, { key = ("ab"):rep(32) })
    assert.equal("snap-abababababab", other.value.id)
  end)

  it("are found by their probe, once they are whole", function()
    assert.is_false(call("take", binding(), {}, { probe = true }).value.applied)
    local a = call("take", binding(), {})
    local p = call("take", binding(), {}, { probe = true })
    assert.is_true(p.value.applied)
    assert.same(a.value, p.value.value)
  end)

  it("killed half-way, are not there, and can be taken again", function()
    -- A pg_dump that writes some of it and then waits to be killed.
    local slow = P.spew(dir .. "/pg_dump", [[#!/bin/sh
[ "$1" = --version ] && exec pg_dump --version
for word; do case $word in --file=*) folder=${word#--file=} ;; esac; done
mkdir "$folder" && echo half > "$folder/toc.dat" && exec sleep 600
]])
    assert(os.execute("chmod +x " .. slow))
    local half = dir .. "/kept/" .. ID .. ".partial/dump/toc.dat"
    local command = P.command(dir, {
      driver = "pg_dump", verb = "snapshot.take", args = {},
      binding = binding { pg_dump = slow } })
    local pid = P.start((command:gsub("^cd .- && ", "env ")))
    P.eventually(function() return P.slurp(half) == "half\n" end, half)
    P.stop(pid)
    assert.is_false(call("take", binding(), {}, { probe = true }).value.applied)
    local a = call("take", binding(), {})
    assert.equal("ok", a.outcome, a.message)
    assert.is_nil(P.slurp(half))
    assert.equal("ok", verify().outcome)
  end)

  it("keep the password out of arguments and messages", function()
    local spy = P.spew(dir .. "/pg_dump", ([[#!/bin/sh
[ "$1" = --version ] && exec pg_dump --version
printf '%%s\n' "$@" > %s/arguments
exec pg_dump "$@"
]]):format(dir))
    assert(os.execute("chmod +x " .. spy))
    local a = call("take", binding {
      url = ("postgresql://owner:se%%20cret'x@/%s?host=%s"):format(
        database, cluster.socket),
      pg_dump = spy, exclude = { "none*" } }, {})
    -- The large object is the superuser's: pg_dump is refused, by name.
    assert.equal("auth", a.outcome, json.encode(a))
    assert.matches("permission denied for large object", a.message)
    assert.is_nil(P.slurp(dir .. "/arguments"):find("cret", 1, true))
    assert.is_nil(a.message:find("cret", 1, true))
  end)

  it("name what is wrong with the server", function()
    for outcome, text in pairs {
      unavailable = ("host=%s dbname=x"):format(dir),
      not_found = ("host=%s user=postgres dbname=none"):format(cluster.socket),
      auth = ("host=%s user=stranger dbname=%s"):format(cluster.socket,
                                                        database),
      rejected = "postgresql://[not an address",
    } do
      local a = call("take", binding { url = text }, {})
      assert.equal(outcome, a.outcome, a.message)
      assert.is_nil(a.message:find("[", 1, true))
    end
    local a = call("take", binding { pg_dump = "/nowhere/pg_dump" }, {})
    assert.equal("not_found", a.outcome)
    assert.matches("/nowhere/pg_dump", a.message)
  end)

  it("need the rights to read every table", function()
    local a = call("take", binding { url = url "reader" }, {})
    assert.equal("auth", a.outcome, json.encode(a))
    assert.matches("permission denied for table", a.message)
    assert.equal("", P.output("ls " .. dir .. "/kept"))
  end)

  it("do not wait for ever behind a lock", function()
    local name = "snap" .. cluster.count
    local pid = P.session(cluster, database, ([[
      SET application_name = '%s';
      BEGIN; LOCK TABLE items; SELECT pg_sleep(600);]]):format(name))
    P.until_true(cluster, ([[SELECT count(*) = 1 FROM pg_locks l
      JOIN pg_stat_activity a USING (pid) WHERE a.application_name = '%s'
      AND l.mode = 'AccessExclusiveLock' AND l.granted]]):format(name))
    local a = call("take", binding { timeout = "3s" }, {})
    P.stop(pid)
    P.until_true(cluster, ([[SELECT count(pg_terminate_backend(pid)) >= 0
      FROM pg_stat_activity WHERE application_name = '%s']]):format(name))
    assert.equal("timeout", a.outcome, json.encode(a))
    assert.equal("", P.output("ls " .. dir .. "/kept"))
  end)

  it("of a command are its output, to the byte", function()
    local b = { argv = { "printf", "%s|%s", "a b", "c\n" },
                directory = dir .. "/kept" }
    local a = call("take", b, { note = "n" }, { driver = "command" })
    assert.equal("ok", a.outcome, a.message)
    assert.equal("a b|c\n", P.slurp(a.value.path .. "/output"))
    assert.equal(6, a.value.bytes)
    local v = call("verify", b, { id = a.value.id }, { driver = "command" })
    assert.equal("ok", v.outcome, v.message)
    P.spew(a.value.path .. "/output", "a b|d\n")
    v = call("verify", b, { id = a.value.id }, { driver = "command" })
    assert.equal("conflict", v.outcome)
    assert.matches("output has other contents", v.message)
    v = call("verify", binding(), { id = a.value.id })
    assert.equal("rejected", v.outcome)
  end)

  it("of a command that fails are none", function()
    local function take(argv, more)
      local b = { argv = argv, directory = dir .. "/kept" }
      for k, v in pairs(more or {}) do b[k] = v end
      local a = call("take", b, {}, { driver = "command" })
      assert.equal("", P.output("ls " .. dir .. "/kept"))
      return a
    end
    local a = take { "sh", "-c", "echo half; echo no >&2; exit 3" }
    assert.equal("rejected", a.outcome)
    assert.matches("exited with 3: no", a.message, 1, true)
    assert.equal("not_found", take { "/nowhere/program" }.outcome)
    a = take({ "sleep", "600" }, { timeout = "200ms" })
    assert.equal("timeout", a.outcome)
    a = take({ "sh", "-c", "exit $CODE$RBRUN_BUILD" },
             { set = { CODE = "7" } })
    assert.matches("exited with 7", a.message)
    a = take({ "sh", "-c", "echo $PATH >&2; exit 1" },
             { environment = { "RBRUN_BUILD" }, set = { PATH = "/bin" } })
    assert.matches("exited with 1: /bin$", a.message)
  end)
end)
