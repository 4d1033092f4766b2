-- rbrun-reader sql through its client: histories, ways back, catalogs, and
-- the forms in which a question is put.
package.path = "tests/spec/?.lua;" .. package.path
local reader = require "support_reader"
local json = require "dkjson"

describe("rbrun-reader sql, modes", function()
  local function ask(options, ...)
    return reader.ask("sql", options, table.concat { ... })
  end
  local function history(...)
    local options = { mode = "history", closed = true, files = {} }
    for i, text in ipairs { ... } do
      options.files[i] = { name = i .. ".sql", bytes = #text }
    end
    return ask(options, ...).reply
  end

  it("judges each migration in the context of those before it", function()
    local reply = history("CREATE TABLE t (a int, b varchar(9));",
                          "ALTER TABLE t ALTER b TYPE text;",
                          "ALTER TABLE t ALTER b TYPE int USING 1;",
                          "DROP TABLE t;", "DROP TABLE IF EXISTS t;")
    local verdicts = {}
    for i, file in ipairs(reply.files) do verdicts[i] = file.verdict end
    assert.same({ "compatible", "compatible", "incompatible", "incompatible",
                  "compatible" }, verdicts)
    local reason = reply.files[3].reasons[1]
    assert.equal("column_type_changed", reason.code)
    assert.equal("public.t.b", reason.object)
    assert.equal("text -> integer", reason.detail)
    assert.equal("3.sql", reason.file)
    assert.equal(1, reason.line)
  end)

  it("tells negative numbers from zero", function()
    local files = history("CREATE TABLE t (a int);",
      "ALTER TABLE t ADD b int DEFAULT -1 CHECK (b >= 0);",
      "ALTER TABLE t ADD c int DEFAULT -1 CHECK (c < 0);",
      "ALTER TABLE t ADD d int DEFAULT - -5 CHECK (d = 5);").files
    assert.equal("check_added", files[2].reasons[1].code)
    assert.equal("compatible", files[3].verdict)
    assert.equal("compatible", files[4].verdict)
  end)

  it("takes rights from the owner that a table was given to", function()
    local files = history("CREATE TABLE t (a int); GRANT SELECT ON t TO bob; "
      .. "ALTER TABLE t OWNER TO app;", "REVOKE ALL ON t FROM app;").files
    assert.equal("privilege_lost", files[2].reasons[1].code)
  end)

  it("tells what the way back loses and restores", function()
    local up = "ALTER TABLE t ADD c int NOT NULL DEFAULT 1;"
    local down = "ALTER TABLE t DROP COLUMN c;"
    local texts = { "CREATE TABLE t (a int);", up, down, "DROP TABLE t;" }
    local options = { mode = "history", closed = true, files = {
      { name = "1", bytes = #texts[1] }, { name = "2", bytes = #up },
      { name = "2d", bytes = #down, direction = "down", of = 2 },
      { name = "3", bytes = #texts[4] } } }
    local files = ask(options, table.unpack(texts)).reply.files
    assert.equal(3, #files)
    assert.is_false(files[1].down.present)
    assert.same({ { code = "column", object = "public.t.c" } },
                files[2].down.loses)
    assert.equal("yes", files[2].down.restores)
    assert.equal("incompatible", files[3].verdict) -- t is there again
  end)

  it("names locks, and what is done under them", function()
    local files = history("CREATE TABLE t (a int);",
                          "ALTER TABLE t ADD b uuid DEFAULT "
                            .. "gen_random_uuid(); CREATE TABLE u (a int);"
                            .. "CREATE INDEX ON u (a);").files
    assert.same({ { relation = "public.t", mode = "AccessExclusiveLock",
                    work = "rewrite" } }, files[2].locks)
  end)

  it("takes a list of very many files from the stream", function()
    local text = "SELECT 1;"
    local list = json.encode { files = { { name = "a", bytes = #text } } }
    local reply = ask({ mode = "history", manifest = #list }, list,
                      text).reply
    assert.equal("a", reply.files[1].name)
    assert.equal(-3, ask({ mode = "history", manifest = 4 }, "[1,2").code)
  end)

  it("compares catalogs, and begins with one", function()
    local before = json.encode { relations = { {
      id = 7, schema = "public", name = "t", kind = "table", columns = {
        { attnum = 1, name = "a", type = "integer" } } } } }
    local none = json.encode { incomplete = { "types: no rights" } }
    local reply = ask({ mode = "compare", catalogs = {
      before = #before, after = #none } }, before, none).reply
    assert.equal("table_removed", reply.reasons[1].code)
    assert.equal("catalog_incomplete", reply.reasons[2].code)
    local text = "ALTER TABLE t ALTER a TYPE bigint;"
    reply = ask({ mode = "release", catalogs = { before = #before },
                  files = { { name = "x", bytes = #text } } }, before,
                text).reply
    assert.equal("column_type_int_widened", reply.reasons[1].code)
    assert.equal(-3, ask({ mode = "compare", catalogs = { before = 3 } },
                         "{,}").code)
  end)

  it("only cuts where nothing else is asked", function()
    local text = "DROP TABLE t; DROP TABLE u;"
    local reply = ask({ mode = "split", files = {
      { name = "a", bytes = #text } } }, text).reply
    assert.equal("none", reply.verdict)
    assert.equal(2, #reply.files[1].statements)
  end)

  it("reads what pg_dump and psql write", function()
    local dump = "\\restrict x\nSET search_path = '';\n"
      .. "CREATE TABLE s.t (a text);\nCOPY s.t (a) FROM stdin;\n"
      .. "it's; $$\n\\.\nSELECT 1;\n"
    assert.equal("compatible", history(dump).files[1].verdict)
    assert.equal("unknown", history(dump .. "\\i more.sql\n").verdict)
  end)

  it("reads on behind a statement that it cannot read", function()
    local file = history("CREATE TABLE t (a int);",
                         "SELEC 1; ALTER TABLE t DROP a; SELEC 2").files[2]
    assert.is_false(file.parsed)
    assert.equal("incompatible", file.verdict)
  end)
end)
