-- What can be named, asked by a runbook in a real worker: from each of its
-- globals, from text, patterns, errors and answers, it follows every name
-- that occurs in stock Lua, in lpeg and in our own sources, and through every
-- table. What it finds must be the list in dialect.txt, no more and no less.
-- tests/unit/dialect_test.c walks the same tables from outside.
package.path = "tests/spec/support/?.lua;" .. package.path
local drive = require "drive"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function listed()
  local list = {}
  for line in read("tests/sandbox/dialect.txt"):gmatch "[^\n]+" do
    if not line:find "^[#%[]" then
      list[#list + 1] = line
    end
  end
  table.sort(list)
  return list
end

-- Every word that may be a name: stock Lua's, and those of our sources.
local function words()
  local set, seen = {}, {}
  local function take(value)
    if type(value) ~= "table" or seen[value] then
      return
    end
    seen[value] = true
    for key, item in pairs(value) do
      if type(key) == "string" then
        set[key] = true
      end
      take(item)
    end
    take(debug.getmetatable(value))
  end
  take(_G)
  take(debug.getmetatable "")
  local pipe = io.popen("cat stdlib/*.lua stdlib/*/*.lua lua/*.c")
  for word in pipe:read("a"):gmatch "[%a_][%w_]*" do
    set[word] = #word <= 24 or nil
  end
  pipe:close()
  for word in ([[__index __newindex __gc __close __mode __name __metatable
    __call __tostring __fill __list __env fenv setfenv getfenv newproxy
    loadlib searchers searchpath setmaxstack ptree pcode]]):gmatch "%S+" do
    set[word] = true
  end
  local list = {}
  for word in pairs(set) do
    list[#list + 1] = ("%q"):format(word)
  end
  table.sort(list)
  return "return {" .. table.concat(list, ",") .. "}"
end

local WALK = [[
  local seen, names = {}, _ENV.names
  local function get(value, name)
    return value[name]
  end
  local visit
  local function fields(path, value)
    for _, name in ipairs(names) do
      local ok, field = pcall(get, value, name)
      if ok and field ~= nil then
        visit(path .. name, field)
      end
    end
  end
  function visit(path, value)
    local kind = type(value)
    if kind ~= "table" then
      log("%s %s", path, kind)
    elseif not seen[value] then
      seen[value] = true
      fields(path .. ".", value)
      for key in pairs(value) do
        assert(type(key) == "string", path)
      end
    end
  end
  seen[names] = true
  fields("", _ENV)
  for _, name in ipairs(names) do
    local ok, method = pcall(get, "", name)
    assert(not ok or method == string[name], name)
    local own
    ok, own = pcall(get, lpeg.P(1), name)
    assert(not ok or own == lpeg[name], name)
    for _, value in ipairs { 5, true, log } do
      assert(not pcall(get, value, name))
    end
  end
  local _, missing = metric.query()
  local _, failed = pcall(fail, "x")
  for _, value in ipairs { clock.now(), missing, failed, (parallel {
    a = function() return "b" end }) } do
    for key, item in pairs(value) do
      assert(type(item) == "string", key)
    end
    fields("(value).", value)
  end
]]

-- What the walk finds; top: more at the top of the file.
local function reached(top)
  local result = drive.body(WALK, {
    modules = { names = words() },
    answers = { ["metric.query"] = { { err = { outcome = "no_data",
      message = "m" } } }, ["clock.now"] = { { ok = { at = "t" } } } },
    start = { limits = { instructions = 1000000000, cpu = 300 } },
  }, "names = require 'names' " .. (top or ""))
  assert.equal("finished", drive.last(result).ended, result.text:sub(-600))
  local list = {}
  for _, line in ipairs(drive.logs(result)) do
    -- The walk's own function, and the fields of the values it made.
    if line ~= "run function" and not line:find "^%(value%)" then
      list[#list + 1] = line
    end
  end
  table.sort(list)
  return list
end

-- The first name of one list that the other has not.
local function difference(some, others)
  local has = {}
  for _, line in ipairs(others) do
    has[line] = true
  end
  for _, line in ipairs(some) do
    if not has[line] then
      return line
    end
  end
end

describe("what a runbook can name", function()
  local list, found = listed(), reached()

  it("is what is listed, and nothing else", function()
    assert.is_nil(difference(found, list))
    assert.is_nil(difference(list, found))
    assert.equal(#list, #found)
  end)

  it("is looked for well: one more name is found", function()
    assert.equal("load function", difference(reached "load = log", list))
    assert.equal("os.dump string",
      difference(reached "os = { dump = 'x' }", list))
  end)

  it("is not what a list says that has one more", function()
    list[#list + 1] = "io.popen function"
    assert.equal("io.popen function", difference(list, found))
  end)
end)
