-- Attacks on the worker, a row each: what a hostile or careless runbook
-- tries, and the only ways it may end.
package.path = "tests/spec/support/?.lua;" .. package.path
local drive = require "drive"

-- Seconds of CPU time only where nothing else can end it.
local function limits(cpu)
  return { instructions = 20000000, memory = 32 << 20, cpu = cpu or 20 }
end

-- How a run may end. "refused": the run failed with a message that holds
-- the text. "harmless": it finished.
local function ending(result)
  if result.exit ~= "exit 0" then
    return result.exit
  end
  local doc, kind = drive.last(result)
  if kind == "DONE" and doc.ended == "finished" then
    return "harmless"
  end
  return "refused", (doc.error or doc).message
end

local function run(code, cpu)
  return drive.body(code, { start = { limits = limits(cpu) } })
end

-- code, how it ends, what the refusal says
local attacks = {
  -- loading code
  { "load('return 1')()", "refused", "undefined global 'load'" },
  { "local _ENV = { } load = 1", "harmless" },
  { "local _ENV = nil x = 1", "refused", "attempt to index a nil value" },
  { "_ENV.load('x')", "refused", "undefined global 'load'" },
  { "string.dump(run)", "refused", "string has no 'dump'" },
  { "('').dump(run)", "refused", "string has no 'dump'" },
  { "require('os')", "refused", "belongs at the top" },
  -- metatables and finalizers
  { "local m = ('').__index", "refused", "string has no '__index'" },
  { "lpeg.P(1).__gc(1)", "refused", "lpeg has no '__gc'" },
  { "lpeg.P(1).__index = nil", "refused", "attempt to index" },
  { "local x <close> = { __close = log }", "refused", "non-closable" },
  { "for _ in nil, nil, nil, { __close = log } do end", "refused",
    "non-closable" },
  { "table.insert({ n = 1 << 50 }, 1 << 40, 0)", "refused",
    "position out of bounds" },
  { "table.concat({}, '', 1, 1 << 60)", "refused", "invalid value" },
  { "table.move({}, 1, math.maxinteger - 1, 2)", "refused",
    "more than 1000000 elements" },
  { "table.unpack({}, 1, 1e7)", "refused", "too many results" },
  { "table.sort({ 1, 'x', 2 })", "refused", "attempt to compare" },
  { "local t = { 3, 2, 1 } table.sort(t, function() return true end)",
    "harmless" },
  { "error(setmetatable)", "refused", "undefined global 'setmetatable'" },
  { "local ok, e = pcall(deploy.release, { x = log }) "
    .. "tostring(e) e.y = 1 local z = e .. e", "refused", "" },
  -- control flow around limits
  { "while true do pcall(function() while true do end end) end", "exit 10" },
  { "xpcall(function() while true do end end, function() while true do end "
    .. "end)", "exit 10" },
  { "xpcall(error, function() xpcall(error, function() while true do end "
    .. "end) end)", "exit 10" },
  { "::a:: goto a", "exit 10" },
  { "for i = 1, math.maxinteger do end", "exit 10" },
  { "repeat until false", "exit 10" },
  { "for _ in (function() return 1 end) do end", "exit 10" },
  { "while true do attempt(parallel, { function() while true do end end }) "
    .. "end", "exit 10" },
  { "guard { every = '1s', because = 'b', check = function() return true "
    .. "end, body = function() while true do end end }", "exit 10" },
  { "undo(function() while true do end end) fail()", "exit 10" },
  { "while true do step('s', function() end) end", "exit 10" },
  { "while true do pcall(string.rep, 'y', 1e6) end", "exit 10" },
  { "for i = 1, 1e9 do pcall(('x').rep, ('y'):rep(1e5), 10) end", "exit 10" },
  { "while true do for _ in pairs({ 1, 2, 3 }) do end end", "exit 10" },
  { "while true do pcall(table.sort, { 3, 2, 1 }, function() end) end",
    "exit 10" },
  -- memory
  { "local t = {} while true do t[#t + 1] = {} end", "exit 11" },
  { "local s = 'x' while true do s = s .. s end", "exit 11" },
  { "local s = 'x' while true do pcall(function() s = s .. s end) end",
    "exit 11" },
  { "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end",
    "exit 11" },
  { "local t = {} for i = 1, 1e9 do pcall(function() t[i] = ('x'):rep(1e6) "
    .. ".. i end) end", "exit 11" },
  { "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e5) pcall("
    .. "table.concat, t) end", "exit 11" },
  { "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(6e4):upper() pcall("
    .. "string.gsub, t[i], 'X', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy') end",
    "exit 11" },
  { "for i = 1, 500 do local s = ('x'):rep(1e6) .. i end", "harmless" },
  { "local function f(...) return f(1, ...) end f()", "refused", "overflow" },
  { "local p = lpeg.P('x') while true do p = p * p end", "exit 11" },
  { "undo(function() local t = {} while true do t[#t + 1] = {} end end) "
    .. "fail()", "exit 11" },
  -- time in C code
  { "(('a'):rep(60000)):find(('.-'):rep(6) .. 'b')", "signal 24" },
  { "(('('):rep(60000)):find(('%b()'):rep(3)) while true do "
    .. "(('('):rep(60000)):find('%b()') end", "signal 24" },
  { "for _ in (('a'):rep(60000)):gmatch('.-b') do end", "signal 24" },
  { "lpeg.match(lpeg.P { lpeg.P(1)^0 * 'b' + 1 * lpeg.V(1) }, "
    .. "('a'):rep(1e6))", "signal 24" },
  -- C recursion
  { "local function f() return ('x'):gsub('x', f) end f()", "refused",
    "C stack overflow" },
  { "local p = lpeg.P { '(' * lpeg.V(1) * ')' + '' } "
    .. "p:match(('('):rep(1e5))", "refused", "stack overflow" },
  { "local function f() return pcall(f) end f() error('x')", "refused", "" },
  -- text
  { "('%p'):format({})", "refused", "%p is not available" },
  { "('%-5p'):format(log)", "refused", "%p is not available" },
  { "('%99.99f'):rep(100):format(1)", "refused", "bad argument #2" },
  { "('%1000d'):format(1)", "refused", "invalid conversion" },
  { "('x'):rep(-1 << 63)", "harmless" },
  { "('x'):rep(3, ('y'):rep(1e6) .. 'z')", "refused", "1 MiB" },
  { "log(utf8.char(0x7FFFFFFF))", "harmless" },
  { "log('\\27[2J\\nDONE {}')", "harmless" },
  { "error('\\27[31m\\0\\xff')", "refused", "\u{fffd}" },
  { "fail('%s %s', {}, log)", "refused", "table function" },
  { "metric.query { [('k'):rep(2000)] = log }", "refused",
    "a function cannot be sent" },
  { "local t = {} for i = 1, 40 do t = { t } end metric.query(t)", "refused",
    "nested too deep" },
  { "local t = {} for i = 1, 200000 do t[i] = i end metric.query { t = t }",
    "refused", "more than 100000 values" },
  { "for i = 1, 2000 do undo(function() end) end", "refused",
    "more than 1000 undos" },
  { "local function f(n) step('s' .. n, f, n) end f(1)", "refused", "" },
  { "local function f() parallel { f } end f()", "refused",
    "more than 256 tasks" },
}

describe("an attack", function()
  for _, row in ipairs(attacks) do
    it("ends as " .. row[2] .. ": " .. row[1], function()
      local result = run(row[1], row[2] == "signal 24" and 1 or nil)
      local how, message = ending(result)
      assert.are.equal(row[2], how, result.text:sub(-1000))
      if row[3] then
        assert.truthy(message:find(row[3], 1, true), message)
        assert.falsy(message:find("0x%x%x%x%x"), message)
      end
    end)
  end

  -- Attacks by the text of the file itself.
  local deep = ("._ENV"):rep(40000)
  local files = {
    { "deep parentheses", "x = " .. ("("):rep(100000), "FAIL" },
    { "deep tables", "x = " .. ("{"):rep(100000), "FAIL" },
    { "deep names in an error message", drive.header
      .. "function run() local a = {} a._ENV = a local b = a" .. deep
      .. " + 1 end", "DONE" },
    { "many locals", ("local a = 1 "):rep(300), "FAIL" },
    { "many constants", drive.header .. "function run() local t = {"
      .. (function()
        local parts = {}
        for i = 1, 20000 do
          parts[i] = ("'c%d'"):format(i)
        end
        return table.concat(parts, ",")
      end)() .. "} log(#t) end", "DONE" },
    { "a changed binary chunk", "\27Lua\x54\0\x19\x93\r\n\x1a\n", "FAIL" },
    { "a file of zeros", ("\0"):rep(1000), "FAIL" },
    { "a header that calls back", "runbook(function() end)", "FAIL" },
    { "a header with a huge list", "local t = {} for i = 1, 99999 do "
      .. "t[i] = 'metric.query' end runbook { service = 's', summary = 's', "
      .. "uses = t } function run() end", "FAIL" },
  }
  for _, row in ipairs(files) do
    it("by the file's text is refused or harmless: " .. row[1], function()
      local result = drive.file(row[2], { start = { limits = limits() } })
      assert.are.equal("exit 0", result.exit, result.text:sub(-500))
      local _, kind = drive.last(result)
      assert.are.equal(row[3], kind)
    end)
  end

  it("costs the same number of instructions in every process", function()
    local code = "local t = {} for i = 1, 500 do t['k' .. i] = i end "
      .. "local n = 0 for k in pairs(t) do n = n + #k if n > 700 then break "
      .. "end end local l = {} for i = 1, 2000 do l[i] = i % 7 end "
      .. "table.sort(l, function(a, b) return a < b end)"
    local first = run(code).instructions
    assert.truthy(first > 10000)
    for _ = 1, 20 do
      assert.are.equal(first, run(code).instructions)
    end
  end)
end)
