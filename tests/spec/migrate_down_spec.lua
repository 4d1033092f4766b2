-- Going down, the last resort: what the data would lose, refused once for
-- it, and made once with a snapshot and a person's word.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

local before = [[CREATE TABLE schema_migrations
  (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
  INSERT INTO schema_migrations VALUES (8, false);
  CREATE TABLE teams (id int PRIMARY KEY);
  INSERT INTO teams VALUES (0), (1), (2);
  CREATE TABLE users (id int PRIMARY KEY, name varchar(50), team int,
    state text, mail text DEFAULT '', plan text DEFAULT 'free' NOT NULL);
  INSERT INTO users SELECT i, CASE i WHEN 1 THEN repeat('x', 30) ELSE 'n' || i
    END, i % 4, CASE WHEN i > 2 THEN 's' || i % 2 END,
    CASE WHEN i > 3 THEN 'm' || i ELSE '' END,
    CASE WHEN i > 8 THEN 'paid' ELSE 'free' END FROM generate_series(1, 10) i;
  CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, 7);
  CREATE TABLE log (id int); INSERT INTO log SELECT generate_series(1, 5);]]

describe("going down with the postgres driver", function()
  local cluster, dir, repo, keys, base

  setup(function()
    cluster = P.cluster()
    keys = 0
  end)
  teardown(function() P.stop_cluster(cluster) end)
  before_each(function()
    dir = P.scratch()
    repo = dir .. "/repo"
    base = P.database(cluster, before)
  end)
  after_each(function() P.remove(dir) end)

  local function url()
    return ("host=%s user=postgres dbname=%s"):format(cluster.socket, base)
  end

  local function ask(driver, verb, args, binding)
    keys = keys + 1
    return P.call(dir, { driver = driver, verb = verb, args = args,
      binding = binding, key = ("%064x"):format(keys) })
  end

  local function call(verb, args, more)
    local binding = { repo = repo, migrations = "m", url = url(),
                      snapshots = dir .. "/snapshots" }
    for k, v in pairs(more or {}) do binding[k] = v end
    args.expect, args.at = args.expect or "8", args.at or "new"
    return ask("postgres", "migrate." .. verb, args, binding)
  end

  local function take()
    local a = ask("pg_dump", "snapshot.take", {}, { url = url(),
      directory = dir .. "/snapshots" })
    assert.equal("ok", a.outcome, a.message)
    return a.value.id
  end

  local function step(up, down)
    P.commit(repo, "new", { ["m/7_a.up.sql"] = "SELECT 1;",
      ["m/8_b.up.sql"] = up, ["m/8_b.down.sql"] = down })
  end

  local function ends(outcome, message, a)
    assert.equal(outcome, a.outcome, json.encode(a))
    assert.matches(message, a.message)
  end

  it("counts what goes, and what refuses to", function()
    step("SELECT 1;", [[
DROP TABLE orders;
ALTER TABLE users DROP mail, DROP plan, ALTER name TYPE varchar(20),
  ALTER state SET NOT NULL, ADD must int NOT NULL,
  ADD CONSTRAINT small CHECK (id < 9), ADD CONSTRAINT one UNIQUE (team),
  ADD CONSTRAINT of_team FOREIGN KEY (team) REFERENCES teams (id);]])
    local a = call("loss", {})
    assert.equal("ok", a.outcome, json.encode(a))
    local got = {}
    for _, i in ipairs(a.value.items) do
      assert.is_true(i.exact, json.encode(i))
      got[i.kind .. " " .. i.object] = (i.fails and "fails " or "") .. i.rows
    end
    assert.same({
      ["table_dropped public.orders"] = "7",
      ["column_dropped public.users.mail"] = "7",
      ["column_dropped public.users.plan"] = "2",
      ["type_changed public.users.name"] = "fails 1",
      ["not_null_added public.users.state"] = "fails 2",
      ["required_column_added public.users.must"] = "fails 10",
      ["check_added public.users.small"] = "fails 2",
      ["unique_added public.users.one"] = "fails 6",
      ["fk_added public.users.of_team"] = "fails 2",
    }, got)
    assert.equal(16, a.value.rows)
    assert.equal(6, #a.value.fails)
    ends("conflict", "would fail: .* rows of public.users", call("down",
      { accept_loss = { schema = "any" } }))
    assert.equal("8|f", P.sql(cluster, base, "SELECT * FROM schema_migrations"))
  end)

  it("is refused for what it would lose, and made once", function()
    step("ALTER TABLE users ADD mail text DEFAULT '';",
         "ALTER TABLE users DROP mail;")
    P.sql(cluster, base, "ALTER TABLE users DROP mail, ADD mail text " ..
      "DEFAULT ''; UPDATE users SET mail = 'm' WHERE id > 3")
    ends("conflict", "would lose 7 rows of public.users.mail", call("down", {}))
    ends("conflict", "at most 6 were accepted", call("down",
      { accept_loss = { ["public.users.mail"] = 6 } }))
    local accept = { ["public.users.mail"] = 7 }
    ends("conflict", "needs a snapshot", call("down", { accept_loss = accept }))
    ends("conflict", "no snapshot snap%-0123456789ab", call("down",
      { accept_loss = accept, snapshot = "snap-0123456789ab" }))
    local id = take()
    assert.equal("8|f", P.sql(cluster, base, "SELECT * FROM schema_migrations"))
    local a = call("down", { accept_loss = accept, snapshot = id })
    assert.equal("ok", a.outcome, a.message)
    assert.equal("7", a.value.version)
    assert.equal("7|f", P.sql(cluster, base, "SELECT * FROM schema_migrations"))
    ends("conflict", "at version 7, 8 was expected",
         call("down", { accept_loss = accept, snapshot = id }))
  end)

  it("says what nobody can count", function()
    step("SELECT 1;", "DELETE FROM log WHERE id > 2;\n" ..
         "ALTER TABLE log ADD CONSTRAINT apart EXCLUDE (id WITH =);")
    local a = call("loss", {})
    assert.equal("ok", a.outcome, json.encode(a))
    assert.equal(2, #a.value.items, json.encode(a))
    for _, i in ipairs(a.value.items) do assert.is_false(i.exact) end
  end)

  it("wants the snapshot to be of this database, whole and young", function()
    step("CREATE TABLE fresh (id int);", "DROP TABLE fresh;")
    P.sql(cluster, base, "CREATE TABLE fresh (id int)")
    local more = { without = { "rehearsal" } }
    local id = take()
    more.snapshot_age = "0s"
    ends("conflict", "minutes old", call("down", { snapshot = id }, more))
    more.snapshot_age = nil
    local other = P.database(cluster, before)
    ends("conflict", "is of the database " .. base, call("down",
      { snapshot = id }, { without = { "rehearsal" },
      url = ("host=%s user=postgres dbname=%s"):format(cluster.socket,
                                                       other) }))
    os.execute(("echo x >> %s/snapshots/%s/dump/toc.dat"):format(dir, id))
    ends("conflict", "toc.dat", call("down", { snapshot = id }, more))
    assert.equal("8|f", P.sql(cluster, base, "SELECT * FROM schema_migrations"))
  end)
end)
