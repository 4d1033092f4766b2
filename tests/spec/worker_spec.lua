-- How the worker starts, ends and keeps to the protocol.
package.path = "tests/spec/support/?.lua;" .. package.path
local drive = require "drive"
local body, file, last = drive.body, drive.file, drive.last
local logs, message = drive.logs, drive.message

describe("loading", function()
  local function load_error(source, script)
    local doc, kind = last(file(source, script))
    assert.are.equal("FAIL", kind)
    assert.are.equal("load", doc.phase)
    return doc
  end

  it("says what the header holds and which layers jail it", function()
    local result = file([[runbook { service = "api", summary = "s",
      objective = "15m", owner = "o", uses = { "metric.*" },
      inputs = { a = "text?", b = "x|y=x", c = "number=0.02" } }
      function run() end]])
    local doc = drive.all(result, "LOADED")[1].doc
    assert.are.equal("api", doc.header.service)
    assert.are.equal("15m", doc.header.objective)
    assert.are.equal("x|y=x", doc.header.inputs.b)
    assert.is_true(doc.has_run)
    assert.are.equal("rlimits", doc.jail[1])
    assert.are.equal("exit 0", result.exit)
    assert.are.same({ as = "recovered" }, last(result).result)
  end)

  it("keeps the header as it was given", function()
    local result = file("local h = { service = 's', summary = 't', uses = "
      .. "{ 'metric.*' } } runbook(h) h.service = 5 h.uses[1] = {} "
      .. "function run() end")
    assert.are.same({ service = "s", summary = "t", uses = { "metric.*" } },
      drive.all(result, "LOADED")[1].doc.header)
  end)

  it("skips a #! line and keeps the line numbers", function()
    local doc = last(file("#!/usr/bin/env rbrun\n" .. drive.header
      .. "\nfunction run() fail('x') end"))
    assert.are.equal(3, doc.error.line)
  end)

  local refused = {
    { "syntax error", "x = = 1", "unexpected symbol near '='", 1 },
    { "no header", "function run() end", "the file has no header", 1 },
    { "no run", drive.header, "the file has no run", 1 },
    { "bytecode", "\27Lua", "attempt to load a binary chunk", nil },
    { "an unknown header field", "runbook { servise = 'x' }",
      "unknown field 'servise' (did you mean service?)", 1 },
    { "no summary", "\nrunbook { service = 'x', uses = {} }",
      "summary is missing", 2 },
    { "an objective without a unit",
      "runbook { service = 'x', summary = 'y', objective = '15' }",
      "is no duration", 1 },
    { "an unknown verb in uses",
      "runbook { service = 's', summary = 'y', uses = { 'metric.qery' } }",
      "no verb is called \"metric.qery\" (did you mean metric.query?)", 1 },
    { "an input of unknown type",
      "runbook { service = 's', summary = 'y', uses = {}, inputs = "
      .. "{ a = 'nummer' } }", "(did you mean number?)", 1 },
    { "a header that is not UTF-8", "runbook { service = '\xff', "
      .. "summary = 'y', uses = {} } function run() end",
      "header.service: text that is not UTF-8", 1 },
    { "uses that is no list",
      "runbook { service = 's', summary = 'y', uses = { a = 1 } }",
      "uses is a list", 1 },
    { "a second header", drive.header .. drive.header, "called twice", 1 },
    { "a call at the top of the file",
      drive.header .. "\nmetric.query { expr = 'up' }",
      "metric.query is called while the file loads; calls belong inside "
      .. "run()", 2 },
    { "an undefined global", drive.header .. "\nlocal x = metirc",
      "undefined global 'metirc' (did you mean metric?)", 2 },
    { "a builtin assigned", drive.header .. "\nmetric = 1",
      "'metric' is a name of rbrun's", 2 },
    { "an error value without text", drive.header .. " error({})",
      "no message field", 1 },
    { "a file over the limit", (" "):rep(300 * 1024),
      "the file has 307200 bytes; at most 262144 are read", 1 },
  }
  for _, row in ipairs(refused) do
    it("refuses " .. row[1], function()
      local doc = load_error(row[2])
      assert.truthy(doc.message:find(row[3], 1, true), doc.message)
      assert.are.equal(row[4], doc.line)
      if row[4] then
        assert.are.equal("book.lua", doc.file)
        assert.truthy(doc.excerpt)
      end
    end)
  end

  it("takes a name for a file as it is", function()
    local doc = load_error("x = = 1", { start = {
      source_name = ("deep/"):rep(30) .. "book.lua" } })
    assert.are.equal(1, doc.line)
    assert.are.equal("x = = 1", doc.excerpt)
  end)
end)

describe("require", function()
  local function with(modules, top)
    return file(drive.header .. (top or "local m = require 'a'")
      .. " function run() log(m and m.x or 'nil') end",
      { modules = modules })
  end

  it("gets modules from the engine, once each", function()
    local result = with({ a = "local b = require 'dir.b' "
      .. "require 'dir.b' return { x = b.y }", ["dir.b"] = "return {y='z'}" })
    assert.are.same({ "z" }, logs(result))
    assert.are.equal(2, #drive.all(result, "MODULE"))
    assert.are.same({ "a", "dir.b" },
      drive.all(result, "LOADED")[1].doc.modules)
  end)

  it("prefers the stdlib's names, whose tables cannot be changed", function()
    local doc = last(with({}, "local m = require 'decide' m.x = 1"))
    assert.truthy(doc.message:find("module decide cannot be changed", 1, true))
    doc = last(with({}, "local m = require 'verify' m.recoverd()"))
    assert.truthy(doc.message:find("did you mean recovered?", 1, true))
  end)

  local refused = {
    { "a missing module", {}, "require \"a\": no such file", "book.lua", 1 },
    { "a cycle", { a = "return require 'b'", b = "\nreturn require 'a'" },
      "modules require each other: a -> b -> a", "b.lua", 2 },
    { "a syntax error in a module", { a = "\n\nreturn = 1" },
      "unexpected symbol", "a.lua", 3 },
    { "an error in a module", { a = "\nerror('boom')" }, "boom", "a.lua", 2 },
    { "the core's own parts", {}, "a module's name is made of", "book.lua", 1,
      "local m = require 'internal/tasks'" },
    { "a path", {}, "a module's name is made of", "book.lua", 1,
      "local m = require '../secret'" },
    { "two dots", {}, "a module's name is made of", "book.lua", 1,
      "local m = require 'a..b'" },
  }
  for _, row in ipairs(refused) do
    it("refuses " .. row[1], function()
      local doc = last(with(row[2], row[6]))
      assert.truthy(doc.message:find(row[3], 1, true), doc.message)
      assert.are.equal(row[4], doc.file)
      assert.are.equal(row[5], doc.line)
    end)
  end

  it("belongs at the top of the file", function()
    assert.truthy(message("require 'decide'"):find("belongs at the top"))
  end)
end)

describe("limits", function()
  local hog = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end"
  local rows = {
    { "instructions", "while true do end", { instructions = 1000000 },
      "exit 10" },
    { "pcall around a loop", "while true do pcall(function() while true do "
      .. "end end) end", { instructions = 1000000 }, "exit 10" },
    { "an xpcall handler that loops", "xpcall(error, function() while true "
      .. "do end end)", { instructions = 1000000 }, "exit 10" },
    { "tiny tasks", "while true do parallel { function() for i = 1, 400 do "
      .. "end end } end", { instructions = 3000000 }, "exit 10" },
    { "a sort", "local t = {} for i = 1, 1e5 do t[i] = -i end while true do "
      .. "table.sort(t) end", { instructions = 3000000 }, "exit 10" },
    { "memory", hog, { memory = 8 << 20 }, "exit 11" },
    { "memory that pcall holds", "pcall(function() " .. hog .. " end)",
      { memory = 8 << 20 }, "exit 11" },
    { "deep recursion", "local function f(...) return 1 + f(1, ...) end "
      .. "while true do pcall(f) end", { memory = 8 << 20 }, "exit 11" },
    { "time in C code", "local s = ('a'):rep(60000) while true do "
      .. "s:find('.-.-.-b') end", { cpu = 1 }, "signal 24" },
    { "an exponential grammar", "local p = lpeg.P{'S'; S = lpeg.P'a' * "
      .. "lpeg.V'S' * 'b' + lpeg.P'a' * lpeg.V'S' * 'c' + lpeg.P''} "
      .. "p:match(('a'):rep(60))", { cpu = 1 }, "signal 24" },
  }
  for _, row in ipairs(rows) do
    it("ends the process by its status: " .. row[1], function()
      local result = body(row[2], { start = { limits = row[3] } })
      assert.are.equal(row[4], result.exit)
      assert.are.equal(0, #drive.all(result, "DONE"))
    end)
  end

  it("leaves the last line in the page", function()
    local result = body("\n\nwhile true do end",
      { start = { limits = { instructions = 100000 } } })
    assert.are.equal("page 3 book.lua", result.page)
  end)

  it("holds while the file loads too", function()
    local result = file("while true do end",
      { start = { limits = { instructions = 100000 } } })
    assert.are.equal("exit 10", result.exit)
  end)

  it("lets an endless log reach the engine in parts", function()
    local result = body("while true do log('x') end",
      { start = { limits = { instructions = 300000 } } })
    assert.are.equal("exit 10", result.exit)
  end)
end)

describe("the protocol", function()
  -- at which frame, what comes in place of the right answer, exit status
  local RUN, RESULT, STOP, UNDO, SOURCE, DONE = 5, 7, 10, 11, 3, 12
  local rows = {
    { "an answer before RUN", { at = "LOADED", type = RESULT, call = 1,
      document = { ok = 1 } }, "exit 13" },
    { "UNDO before RUN", { at = "LOADED", type = UNDO, document = {} },
      "exit 13" },
    { "a source nobody asked for", { at = "LOADED", type = SOURCE,
      document = { name = "a", file = "a" } }, "exit 13" },
    { "a frame of the worker's own", { at = "LOADED", type = DONE,
      document = {} }, "exit 13" },
    { "RUN twice", { at = "CALL", type = RUN, document = {} }, "exit 13" },
    { "an answer to no call", { at = "CALL", type = RESULT, call = 2,
      document = { ok = 1 } }, "exit 13" },
    { "an answer of two kinds", { at = "CALL", type = RESULT, call = 1,
      document = { ok = 1, err = {} } }, "exit 13" },
    { "an answer of no kind", { at = "CALL", type = RESULT, call = 1,
      document = {} }, "exit 13" },
    { "noise", { at = "CALL", raw = ("noise"):rep(10) }, "exit 13" },
    { "half a frame", { at = "CALL", raw = "\1" }, "exit 13" },
    { "the end of the stream before RUN", { at = "LOADED" }, "exit 12" },
    { "the end of the stream in a call", { at = "CALL" }, "exit 12" },
    { "a module's answer of another type", { at = "MODULE", type = RUN,
      document = {} }, "exit 13" },
  }
  for _, row in ipairs(rows) do
    it("ends the worker at " .. row[1], function()
      local result = file(drive.header .. (row[2].at == "MODULE"
        and "require 'a'" or "") .. " function run() clock.now() end",
        { instead = row[2] })
      assert.are.equal(row[3], result.exit)
      assert.are.equal(0, #drive.all(result, "DONE"))
    end)
  end

  it("stops before RUN", function()
    local result = body("clock.now()", { instead = { at = "LOADED",
      type = STOP, document = { because = "late" } } })
    assert.are.equal("stopped", last(result).ended)
    assert.are.equal("late", last(result).because)
    assert.are.equal("exit 0", result.exit)
  end)

  it("drops the answer to a call that it cancelled", function()
    local result = body("pcall(parallel, { function() clock.now() "
      .. "error('x') end, function() wait('1h') end }) wait('1s')",
      { instead = { at = "CANCEL", type = RESULT, call = 2,
        document = { ok = {} } } })
    assert.are.equal("finished", last(result).ended)
  end)

  it("marks the last frame of every burst, and only that", function()
    local result = body("log('a') parallel { clock.now, clock.now } "
      .. "log('b')")
    local marks = {}
    for i, frame in ipairs(result.frames) do
      marks[i] = frame.type .. (frame.blocked and "!" or "")
    end
    assert.are.equal("LOADED! EVENT CALL CALL! WAIT! EVENT DONE!",
      table.concat(marks, " "))
  end)
end)

describe("config", function()
  local function config(source)
    return file(source, nil, "config")
  end

  it("gives the table the file returns", function()
    local result = config("local u = 'http://x' return { name = 'lab', "
      .. "metric = { m = { url = u .. '/', n = 3 } } }")
    assert.are.equal("LOADED", result.frames[1].type)
    assert.are.same({ name = "lab", metric = { m = { url = "http://x/",
      n = 3 } } }, result.frames[1].doc)
    assert.are.equal("exit 0", result.exit)
  end)

  local refused = {
    { "return 5", "must return one table" },
    { "return { f = tostring }", "f: a function cannot be sent" },
    { "return metric", "undefined global 'metric'" },
    { "return { x = require 'a' }", "undefined global 'require'" },
    { "return {", "unexpected symbol near <eof>" },
  }
  for _, row in ipairs(refused) do
    it("refuses " .. row[1], function()
      local doc = last(config(row[1]))
      assert.truthy(doc.message:find(row[2], 1, true), doc.message)
      assert.are.equal("book.lua", doc.file)
    end)
  end
end)

describe("check", function()
  local function reads(source, modules)
    local result = file(source, { start = { mode = "check" },
      modules = modules })
    local doc = result.frames[#result.frames].doc
    local list = {}
    for _, entry in ipairs(doc.globals) do
      list[#list + 1] = ("%s:%d %s%s %s %s"):format(entry.file, entry.line,
        entry.name, entry.field and "." .. entry.field or "",
        entry.known and "known" or "unknown", entry.did_you_mean or "-")
    end
    return list, doc, result
  end

  local function by_line(list)
    table.sort(list, function(a, b)
      local m, n = tonumber(a:match(":(%d+)")), tonumber(b:match(":(%d+)"))
      return m < n or m == n and a < b
    end)
    return list
  end

  it("finds what is read, wherever it is read, without running it",
    function()
      local list, doc, result = reads(drive.header .. "\nfunction run()\n"
        .. "if false then\nlocal x = metric.qurey{}\nlgo('x')\nend\n"
        .. "helper()\nlog(string.lower('x'))\nmetric:query{}\nend\n"
        .. "function helper() return function() return typo.x end end")
      assert.are.same({ "book.lua:1 runbook known -",
        "book.lua:4 metric.qurey unknown query", "book.lua:5 lgo unknown log",
        "book.lua:7 helper known -", "book.lua:8 log known -",
        "book.lua:8 string.lower known -",
        "book.lua:9 metric.query unknown metric.query",
        "book.lua:11 typo.x unknown type" }, by_line(list))
      assert.is_true(doc.has_run)
      assert.are.equal("exit 0", result.exit)
    end)

  it("sees modules, and functions with many constants", function()
    local many = { "local t = {" }
    for i = 1, 300 do
      many[#many + 1] = ("'c%d',"):format(i)
    end
    local list = reads(drive.header .. "local m = require 'a' "
      .. "function run() end", { a = table.concat(many)
      .. "}\nunknown_one()\nreturn t" })
    assert.truthy(table.concat(list, "\n"):find(
      "a.lua:2 unknown_one unknown -", 1, true))
  end)

  it("lists what is read even when the file does not load", function()
    local list, doc = reads(drive.header .. "\nlgo('x')")
    assert.are.equal("load", doc.phase)
    assert.are.equal("book.lua:2 lgo unknown log", list[2])
  end)
end)
