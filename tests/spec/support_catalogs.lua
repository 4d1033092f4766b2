-- Helpers of the specs of the comparison: catalogs of a private cluster as
-- documents, what the jailed reader says of two of them, and the shared
-- histories applied file by file (`tests/score --live` runs all of them).
local P = require "tests.spec.support_postgres"
local history = require "tests.spec.support_history"

local M = { cluster = P.cluster, stop_cluster = P.stop_cluster,
            database = P.database, sql = P.sql, slurp = P.slurp }

local here = P.output("pwd"):gsub("\n", "")
local build = os.getenv "RBRUN_BUILD" or "build"
if build:sub(1, 1) ~= "/" then build = here .. "/" .. build end

--- The command that prints the document of a database.
function M.document_command(cluster, database)
  return ("%s %s"):format(P.quote(build .. "/tests/catalog-document"),
    P.quote(("host=%s user=postgres dbname=%s"):format(cluster.socket,
                                                       database)))
end

--- The document of a database as it is now.
function M.document(cluster, database)
  local text, status = P.output(M.document_command(cluster, database))
  assert(status == 0, "no document: " .. text)
  return text
end

--- What the reader says of two documents (texts).
function M.compare(before, after, options)
  options = options or {}
  options.mode = "compare"
  options.catalogs = { before = #before, after = #after }
  options.files = setmetatable({}, { __jsontype = "array" })
  return history.ask(options, { before, after })
end

--- "code: object detail", as the shared truth writes it.
function M.label(r)
  if not r.detail then return ("%s: %s"):format(r.code, r.object) end
  local between = r.code == "relation_kind_changed" and ": " or " "
  return ("%s: %s%s%s"):format(r.code, r.object, between, r.detail)
end

local function labels(...)
  local out = {}
  for _, list in ipairs { ... } do
    for _, one in ipairs(list) do
      out[#out + 1] = type(one) == "string" and one or M.label(one)
    end
  end
  table.sort(out)
  return table.concat(out, "\n")
end

--- The sorted labels of a list of records or of labels, one a line.
M.labels = labels

--- nil where the reply is the truth of a row, or both sides as a text.
function M.difference(row, reply)
  local verdict = row.verdict or #row.reasons > 0 and "incompatible" or
    #row.cautions > 0 and "caution" or "clean"
  if verdict == "clean" then verdict = "compatible" end
  local wanted = { verdict, labels(row.reasons), labels(row.cautions) }
  local got = { reply.verdict, labels(reply.reasons),
                labels(reply.cautions) }
  for i = 1, 3 do
    if wanted[i] ~= got[i] then
      return ("wanted %s\ngot %s"):format(table.concat(wanted, "\n"),
                                          table.concat(got, "\n"))
    end
  end
  return nil
end

--- Run a psql script, in which paths are absolute.
local function run(cluster, database, lines)
  local file = P.spew(cluster.dir .. "/script.sql",
                      table.concat(lines, "\n") .. "\n")
  local out, status = P.output(("psql -X -q -v ON_ERROR_STOP=1 -h %s " ..
    "-U postgres -d %s -f %s 2>&1 >/dev/null"):format(
    P.quote(cluster.socket), database, P.quote(file)))
  assert(status == 0, out)
end

local function path_of(cluster, name, number)
  return ("%s/%s-%03d.json"):format(cluster.dir, name, number)
end

--- Apply a shared history to a new database, each file as its tool would.
--- wanted: number of a state (0 = before the first) -> true; their documents
--- are M.state's afterwards.
function M.apply_history(cluster, name, rows, wanted)
  local database, lines = P.database(cluster), {}
  local document = M.document_command(cluster, database)
  local function keep(number)
    if wanted[number] then
      lines[#lines + 1] = ("\\! %s > %s"):format(
        document, P.quote(path_of(cluster, name, number)))
    end
  end
  keep(0)
  for i, row in ipairs(rows) do
    local file = ("\\i '%s/%s/%s/%s'"):format(here, history.root, name,
                                              row.file)
    local whole = row.mode == "transaction"
    if whole then lines[#lines + 1] = "BEGIN;" end
    lines[#lines + 1] = file
    if whole then lines[#lines + 1] = ";COMMIT;" end
    keep(i)
  end
  run(cluster, database, lines)
end

function M.state(cluster, name, number)
  return assert(P.slurp(path_of(cluster, name, number)))
end

--- Compare two states of an applied history with a row of the truth; nil or
--- what differs.
function M.check_states(cluster, name, from, to, row)
  local reply = M.compare(M.state(cluster, name, from),
                          M.state(cluster, name, to))
  return M.difference(row, reply)
end

--- The ranges of a history's releases that lie on its line: {row, from, to}.
function M.releases(name)
  local root = ("%s/%s/"):format(history.root, name)
  local at, out = {}, {}
  for _, r in ipairs(history.rows(root .. "releases.jsonl") or {}) do
    at[r.from_tag .. " " .. r.to_tag] = r
  end
  for _, row in ipairs(history.rows(root .. "release_truth.jsonl") or {}) do
    local range = at[row.from_tag .. " " .. row.to_tag]
    out[#out + 1] = { row = row, from = range.from_index + 1,
                      to = range.to_index + 1 }
  end
  return out
end

-- The statement forms (rule_probe.jsonl) speak of this schema.
M.probe_base = [[
CREATE SCHEMA app;
SET search_path = app;
CREATE TYPE status AS ENUM ('new', 'open', 'done');
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN plain AS text;
CREATE TABLE parent (id int PRIMARY KEY, name text);
CREATE TABLE t (
  id serial PRIMARY KEY,
  a int CONSTRAINT a_pos CHECK (a > 0),
  b text CONSTRAINT b_kind CHECK (b IN ('x', 'y', 'z')),
  c varchar(10), d varchar(50) NOT NULL DEFAULT 'd', e numeric(6,2),
  f timestamp, ci cidr, j jsonb, st status DEFAULT 'new',
  v int CHECK (v IS NOT NULL), n int NOT NULL, u int UNIQUE,
  p int REFERENCES parent (id) ON DELETE CASCADE, dm plain);
CREATE UNIQUE INDEX t_n_uq ON t (n);
CREATE INDEX t_v ON t (v);
CREATE TABLE nopk (id int, w text);
CREATE TABLE gen (id int PRIMARY KEY, x int,
  y int GENERATED ALWAYS AS (x * 2) STORED);
CREATE TABLE ident (id int GENERATED BY DEFAULT AS IDENTITY, w text);
CREATE TABLE lone (k int, w text);
CREATE TABLE pt (k int, w text) PARTITION BY RANGE (k);
CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (100);
CREATE TABLE pt2 PARTITION OF pt FOR VALUES FROM (100) TO (200);
CREATE SEQUENCE sq;
CREATE VIEW vw AS SELECT id, a, b FROM t;
CREATE MATERIALIZED VIEW mv AS SELECT id, a FROM t;
CREATE FUNCTION f1(x int) RETURNS int LANGUAGE sql AS 'SELECT x + 1';
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql
  AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg();
GRANT USAGE ON SCHEMA app TO app_ro;
GRANT SELECT ON t TO app_ro;
INSERT INTO parent VALUES (1, 'a'), (2, 'b');
INSERT INTO t (a, b, c, v, n, u, p, f)
  VALUES (1, 'x', 'c', 1, 1, 1, 1, now()), (2, 'y', 'c', 2, 2, 2, 2, now());
INSERT INTO nopk VALUES (1, 'w'), (2, 'w');
]]

local RESET = [[
SET client_min_messages = error;
DROP SCHEMA IF EXISTS app, app2, other CASCADE;
DROP EXTENSION IF EXISTS pg_trgm;
]]

--- Parts of a form: what is done before (;;), and what is measured.
local function parts(up)
  local out = {}
  for part in (up .. ";;"):gmatch "(.-);;" do out[#out + 1] = part end
  return table.concat(out, ";", 1, #out - 1), out[#out]
end

--- Apply the forms whose number is in `wanted`, each to a new base schema;
--- their documents are states 2 * number - 1 and 2 * number of "probe".
function M.apply_probe(cluster, rows, wanted)
  local database = P.database(cluster)
  local document, lines = M.document_command(cluster, database), {}
  local function add(...) table.move({ ... }, 1, select("#", ...),
                                     #lines + 1, lines) end
  local function keep(number)
    add(("\\! %s > %s"):format(document,
                               P.quote(path_of(cluster, "probe", number))))
  end
  add("CREATE ROLE app_ro;")
  for i, row in ipairs(rows) do
    if wanted[i] and row.reasons then
      local first, up = parts(row.up)
      add(RESET, M.probe_base, first, ";")
      keep(2 * i - 1)
      add(row.in_transaction and "BEGIN;" or "", up, ";",
          row.in_transaction and "COMMIT;" or "")
      keep(2 * i)
    end
  end
  run(cluster, database, lines)
end

--- What a fixed stride takes of n rows: number -> true.
function M.every(stride, n, from)
  local out = {}
  for i = from or 1, n, stride do out[i] = true end
  return out
end

local function check_all(say, name, checks)
  local same = 0
  for _, check in ipairs(checks) do
    local difference = check.run()
    if difference then
      say(("  %s\n    %s"):format(check.title,
                                  (difference:gsub("\n", "\n    "))))
    else
      same = same + 1
    end
  end
  say(("%-24s %d of %d"):format(name, same, #checks))
  return same == #checks
end

local function live_history(say, cluster, name)
  local rows, wanted = history.truth(name), {}
  for i = 0, #rows do wanted[i] = true end
  M.apply_history(cluster, name, rows, wanted)
  local checks = {}
  for i, row in ipairs(rows) do
    checks[i] = { title = row.file, run = function()
      return M.check_states(cluster, name, i - 1, i, row)
    end }
  end
  local ok = check_all(say, name, checks)
  checks = {}
  for i, r in ipairs(M.releases(name)) do
    checks[i] = { title = r.row.from_tag .. " .. " .. r.row.to_tag,
                  run = function()
      return M.check_states(cluster, name, r.from, r.to, r.row)
    end }
  end
  return check_all(say, name .. " releases", checks) and ok
end

local function live_probe(say, cluster)
  local rows = history.rows(history.root .. "/rule_probe.jsonl")
  M.apply_probe(cluster, rows, M.every(1, #rows))
  local checks = {}
  for i, row in ipairs(rows) do
    if row.reasons then
      checks[#checks + 1] = { title = row.form, run = function()
        return M.check_states(cluster, "probe", 2 * i - 1, 2 * i, row)
      end }
    end
  end
  return check_all(say, "statement forms", checks)
end

--- Every row of the shared truth on live catalogs; whether all are the same.
--- say: function(line). names: of histories, and "forms".
function M.score_live(say, names)
  local cluster, ok = M.cluster(), true
  local done, problem = pcall(function()
    for _, name in ipairs(names) do
      if name == "forms" then
        ok = live_probe(say, cluster) and ok
      else
        ok = live_history(say, cluster, name) and ok
      end
    end
  end)
  M.stop_cluster(cluster)
  if not done then error(problem, 0) end
  return ok
end

return M
