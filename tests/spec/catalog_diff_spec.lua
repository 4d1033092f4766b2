-- The comparison of catalogs on a real cluster: what each form of change is
-- called, in both directions. Every row has a schema of its own, so that two
-- documents hold all of them.
local C = require "tests.spec.support_catalogs"
local rows = require "tests.spec.support.catalog_rows"

--- "s.", "s_b" and "s_c" in texts are the row's schema and two others.
local function own(text, number)
  text = text:gsub("%f[%w_]s%.", ("r%d."):format(number))
  text = text:gsub("%f[%w_]s%f[^%w_.]", "r" .. number)
  return (text:gsub("%f[%w_]s_([bc])%f[^%w_]", ("r%d_%%1"):format(number)))
end

local function script(field)
  local lines = { "SET client_min_messages = error;" }
  for i, row in ipairs(rows) do
    lines[#lines + 1] = ("SET search_path = r%d, public;"):format(i)
    lines[#lines + 1] = own(row[field], i) .. ";"
  end
  return table.concat(lines, "\n")
end

local function schemas()
  local lines = {}
  for i in ipairs(rows) do
    lines[i] = ("CREATE SCHEMA r%d; CREATE SCHEMA r%d_b;"):format(i, i)
  end
  return table.concat(lines, "\n")
end

--- Labels of a reply by the number of the row they belong to.
local function by_row(reply)
  local out = {}
  for _, list in ipairs { reply.reasons, reply.cautions } do
    for _, r in ipairs(list) do
      local label = C.label(r)
      if r.level == "unknown" then label = "unknown " .. label end
      local number = tonumber(label:match "%f[%w]r(%d+)%f[^%w]") or 0
      out[number] = out[number] or {}
      table.insert(out[number], label)
    end
  end
  return out
end

local function wanted(list, number)
  local out = {}
  for i, label in ipairs(list or {}) do out[i] = own(label, number) end
  return C.labels(out)
end

--- What belongs to a whole database: extensions, the search_path, an index
--- that could not be built.
local WIDE_BASE = [[
ALTER DATABASE %s SET search_path = app, public;
CREATE SCHEMA app;
CREATE TABLE public.users (id int);
CREATE TABLE public.twice (a int);
INSERT INTO public.twice VALUES (1), (1);
CREATE EXTENSION pg_trgm SCHEMA public;
CREATE EXTENSION btree_gist;]]
local WIDE_UP = [[
CREATE TABLE app.users (id int);
ALTER EXTENSION pg_trgm SET SCHEMA app;
DROP EXTENSION btree_gist;
CREATE EXTENSION btree_gin;
\set ON_ERROR_STOP off
CREATE UNIQUE INDEX CONCURRENTLY once ON public.twice (a);
\set ON_ERROR_STOP on
]]

local function wide(cluster)
  local database = C.database(cluster)
  C.sql(cluster, database, WIDE_BASE:format(database))
  local before = C.document(cluster, database)
  C.sql(cluster, database, WIDE_UP)
  return C.compare(before, C.document(cluster, database))
end

describe("the comparison of catalogs", function()
  local cluster, reply, back, seen, other
  setup(function()
    cluster = C.cluster()
    local database = C.database(cluster, schemas())
    C.sql(cluster, database, "CREATE ROLE reader; CREATE ROLE other;\n"
          .. script "base")
    local before = C.document(cluster, database)
    C.sql(cluster, database, script "up")
    local after = C.document(cluster, database)
    reply, back = C.compare(before, after), C.compare(after, before)
    seen, other = {}, wide(cluster)
    for _, one in ipairs { reply, back, other } do
      for _, list in ipairs { one.reasons, one.cautions, one.notes } do
        for _, r in ipairs(list) do seen[r.code] = true end
      end
    end
    reply, back = by_row(reply), by_row(back)
  end)
  teardown(function() C.stop_cluster(cluster) end)

  for i, row in ipairs(rows) do
    it("tells " .. row.name, function()
      assert.equal(wanted(row.want, i), C.labels(reply[i] or {}))
      if row.back then
        assert.equal(wanted(row.back, i), C.labels(back[i] or {}))
      end
    end)
  end

  it("tells what belongs to a whole database", function()
    assert.equal(C.labels {
      "relation_shadowed: public.users by app.users",
      "extension_moved_schema: pg_trgm public -> app",
      "extension_removed: btree_gist", "unique_added: public.twice(a)",
    }, C.labels(other.reasons))
    local noted = C.labels(other.notes)
    assert.truthy(noted:find("index_invalid: public.once", 1, true), noted)
    assert.truthy(noted:find("extension_added: btree_gin", 1, true), noted)
  end)

  it("finds nothing besides", function()
    assert.same({}, reply[0] or {})
    assert.same({}, back[0] or {})
  end)

  it("has given every code that it has", function()
    local codes, missing = rows.codes(), {}
    for code in pairs(codes) do
      if not seen[code] and not rows.elsewhere[code] then
        missing[#missing + 1] = code
      end
    end
    table.sort(missing)
    assert.same({}, missing)
  end)
end)

describe("docs/migrations.md", function()
  it("has the table of codes as tests/tools/codes prints it", function()
    local pipe = assert(io.popen "lua5.4 tests/tools/codes")
    local printed = pipe:read "a"
    pipe:close()
    local page = assert(C.slurp "docs/migrations.md")
    local told = page:match "<!%-%- codes: begin %-%->\n(.-)<!%-%- codes: end"
    assert.is_true(#printed > 1000)
    assert.equal(printed, told)
  end)
end)
