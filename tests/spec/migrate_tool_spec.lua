-- A step by the tool's own command: Debian's alembic on a real ledger, the
-- version it is to leave, and commands that are not one step.
local P = require "tests.spec.support_postgres"
local json = require "dkjson"

local ini = "[alembic]\nscript_location = %(here)s\n"

local env = [[
import os
from alembic import context
from sqlalchemy import create_engine
url = os.environ["DATABASE_URL"]
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
]]

local first = [[
from alembic import op
import sqlalchemy as sa
revision = 'a1'
down_revision = None
def upgrade():
    op.create_table('users', sa.Column('id', sa.Integer, primary_key=True))
def downgrade():
    op.drop_table('users')
]]

local second = [[
from alembic import op
import sqlalchemy as sa
revision = 'b2'
down_revision = 'a1'
def upgrade():
    op.add_column('users', sa.Column('email', sa.String(50)))
def downgrade():
    op.drop_column('users', 'email')
]]

describe("a step by the tool's own command", function()
  local cluster, dir, repo, keys, base

  setup(function()
    cluster = P.cluster()
    keys = 0
  end)
  teardown(function() P.stop_cluster(cluster) end)
  before_each(function()
    dir = P.scratch()
    repo = dir .. "/repo"
    P.commit(repo, "v1", { ["db/env.py"] = env, ["db/alembic.ini"] = ini,
      ["db/script.py.mako"] = "", ["db/versions/a1.py"] = first })
    P.commit(repo, "v2", { ["db/versions/b2.py"] = second })
    base = P.database(cluster)
  end)
  after_each(function() P.remove(dir) end)

  local function url()
    return ("host=%s user=postgres dbname=%s"):format(cluster.socket, base)
  end

  local function call(verb, args, more)
    local alembic = { "alembic", "-c", "{migrations}/alembic.ini" }
    local function command(...)
      return { alembic[1], alembic[2], alembic[3], ... }
    end
    local binding = { repo = repo, migrations = "db", url = url(),
      tool_up = command("upgrade", "{version}"),
      tool_down = command("downgrade", "{previous}"),
      tool_dry_run = command("downgrade", "{version}:{previous}", "--sql"),
      set = { DATABASE_URL = "{url}" } }
    binding.without = { "snapshot" }
    for k, v in pairs(more or {}) do binding[k] = v end
    keys = keys + 1
    return P.call(dir, { driver = "postgres", verb = "migrate." .. verb,
      args = args, binding = binding, key = ("%064x"):format(keys) })
  end

  local function ledger()
    return P.sql(cluster, base, "SELECT * FROM alembic_version")
  end

  local function ends(outcome, message, a)
    assert.equal(outcome, a.outcome, json.encode(a))
    assert.matches(message, a.message)
  end

  local function value(a)
    assert.equal("ok", a.outcome, json.encode(a))
    return a.value
  end

  it("goes up and down with alembic, rehearsed, and counts the loss",
     function()
    P.sql(cluster, base,
      "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    local quick = { without = { "rehearsal", "snapshot" } }
    assert.equal("a1", value(call("up", { expect = "", at = "v2" },
                                  quick)).version)
    assert.equal("b2", value(call("up", { expect = "a1", at = "v2" },
                                  quick)).version)
    assert.equal("b2", ledger())
    P.sql(cluster, base, "INSERT INTO users VALUES (1, 'x'), (2, NULL)")
    local args = { expect = "b2", at = "v2" }
    ends("conflict", "would lose 1 rows of public.users.email",
         call("down", args))
    assert.equal("b2", ledger())
    args.accept_loss = { ["public.users.email"] = 1 }
    local v = value(call("down", args))
    assert.equal("a1", v.version)
    assert.equal("db/versions/b2.py", v.file)
    assert.equal("a1", ledger())
  end)

  it("takes the file of the version being left, or none", function()
    P.sql(cluster, base, [[CREATE TABLE alembic_version
      (version_num varchar(32) PRIMARY KEY);
      INSERT INTO alembic_version VALUES ('b2')]])
    ends("not_found", "no file that takes version b2 back",
         call("down", { expect = "b2", at = "v1" }))
    P.sql(cluster, base, "INSERT INTO alembic_version VALUES ('c3')")
    ends("conflict", "2 heads", call("down", { expect = "", at = "v2" }))
  end)

  it("believes the ledger and not the command", function()
    P.sql(cluster, base, [[CREATE TABLE alembic_version
      (version_num varchar(32) PRIMARY KEY);
      INSERT INTO alembic_version VALUES ('b2')]])
    local more = { without = { "rehearsal", "snapshot", "dry_run" },
                   tool_down = { "true" } }
    local args = { expect = "b2", at = "v2" }
    ends("rejected", "the tool ended well, and the ledger is as before",
         call("down", args, more))
    more.tool_down = { "false" }
    ends("rejected", "exited with 1", call("down", args, more))
    more.tool_down = { "psql", "-X", "-q", "{url}", "-c",
                       "DELETE FROM alembic_version" }
    ends("unknown_outcome", "not exactly one step", call("down", args, more))
    P.sql(cluster, base, "INSERT INTO alembic_version VALUES ('b2')")
    more.without = { "rehearsal", "snapshot" }
    more.tool_dry_run = { "echo", "would take b22 back" }
    ends("conflict", "dry run does not name", call("down", args, more))
    more.without = { "snapshot", "dry_run" }
    more.tool_down, more.set = { "alembic", "downgrade", "{previous}" }, {}
    ends("rejected", "cannot be tried on a copy", call("down", args, more))
  end)

  it("says when a command that was to be tried on a copy has changed the "
     .. "live ledger", function()
    P.sql(cluster, base, [[CREATE TABLE alembic_version
      (version_num varchar(32) PRIMARY KEY);
      INSERT INTO alembic_version VALUES ('b2')]])
    ends("conflict", "moved from version b2 to a1 while its tool.*look at the",
      call("down", { expect = "b2", at = "v2" }, { set = { DB = "{url}" },
        without = { "snapshot", "dry_run" }, tool_down = { "psql", "-X", "-q",
          url(), "-c", "UPDATE alembic_version SET version_num = 'a1'" } }))
  end)

  it("does not run the tool where the ledger has moved since", function()
    P.sql(cluster, base, [[CREATE TABLE alembic_version
      (version_num varchar(32) PRIMARY KEY);
      INSERT INTO alembic_version VALUES ('b2')]])
    local move = { "sh", "-c", "psql -X -q \"$DB\" -c \"UPDATE " ..
      "alembic_version SET version_num = 'c3'\"; echo b2" }
    ends("conflict", "moved from version b2 to c3 .*the tool was not run",
      call("down", { expect = "b2", at = "v2" }, { set = { DB = "{url}" },
        without = { "snapshot", "rehearsal" }, tool_dry_run = move,
        tool_down = { "touch", dir .. "/ran" } }))
    assert.is_nil(P.slurp(dir .. "/ran"))
  end)

  it("refuses commands that are not one step", function()
    for tool, cases in pairs {
      ["golang-migrate"] = { { "migrate", "down" }, { "migrate", "down", "2" },
                             { "migrate", "drop" } },
      knex = { { "knex", "migrate:rollback" } },
      alembic = { { "alembic", "downgrade", "-1" },
                  { "alembic", "downgrade", "base" } },
      django = { { "manage.py", "migrate", "shop", "zero" } },
      rails = { { "rails", "db:rollback", "STEP=2" } },
      liquibase = { { "liquibase", "rollback-count", "3" } },
      diesel = { { "diesel", "migration", "revert", "--all" } },
    } do
      for _, argv in ipairs(cases) do
        local a = P.call(dir, { driver = "postgres", verb = "migrate.down",
          args = {}, mode = "check",
          binding = { url = url(), tool = tool, tool_down = argv } })
        ends("rejected", "is not exactly one step", a)
      end
    end
    local a = P.call(dir, { driver = "postgres", verb = "migrate.down",
      args = {}, mode = "check", binding = { url = url(),
      tool = "golang-migrate",
      tool_down = { "migrate", "-path", "{migrations}", "down", "1" } } })
    assert.equal("ok", a.outcome, a.message)
  end)
end)
