-- The Lua that a runbook is written in.
package.path = "tests/spec/support/?.lua;" .. package.path
local drive = require "drive"
local body, message, logged = drive.body, drive.message, drive.logged

describe("the dialect", function()
  local gone = { "setmetatable", "getmetatable", "rawget", "rawset",
    "rawequal", "rawlen", "next", "load", "loadfile", "dofile",
    "collectgarbage", "print", "warn", "debug", "io", "os", "package",
    "coroutine", "_G", "_VERSION" }
  for _, name in ipairs(gone) do
    it("has no " .. name, function()
      assert.truthy(message("local x = " .. name)
        :find("undefined global '" .. name .. "'", 1, true))
    end)
  end

  local fields = { "string.dump", "string.pack", "string.unpack",
    "string.packsize", "math.randomseed", "lpeg.setmaxstack", "lpeg.pcode",
    "lpeg.ptree" }
  for _, name in ipairs(fields) do
    it("has no " .. name, function()
      local library, field = name:match("(%w+)%.(%w+)")
      assert.truthy(message("local x = " .. name)
        :find(("%s has no '%s'"):format(library, field), 1, true))
    end)
  end

  -- body that logs, what it logs
  local rows = {
    { "log(tostring({}) .. tostring(log) .. tostring(lpeg.P(1)))",
      "tablefunctionuserdata" },
    { "log(('%s %s %d%%'):format({}, log, 5))", "table function 5%" },
    { "log('%s', nil) log(nil)", "nil\nnil" },
    { "log(tostring(0/0) .. tostring(-(0/0)))", "nannan" },
    { "local t = {} for k in pairs({ b=1, a=2, [2]=1, [1.5]=1, [1]=1, "
      .. "[true]=1, [false]=1, [-3]=0 }) do t[#t+1] = tostring(k) end "
      .. "log(table.concat(t, ' '))", "false true -3 1 1.5 2 a b" },
    { "local t = {a=1,b=2,c=3} local n = 0 for k in pairs(t) do t.a = nil "
      .. "t.b = nil n = n + 1 end log(n)", "2" },
    { "local t = {a=1,b=2} for k, v in pairs(t) do t[k] = v * 2 end "
      .. "log(t.a + t.b)", "6" },
    { "local t = {} for i = 1, 300 do t[i] = {i % 3, i} end "
      .. "table.sort(t, function(a, b) return a[1] < b[1] end) "
      .. "for i = 2, 300 do local a, b = t[i-1], t[i] "
      .. "assert(a[1] < b[1] or a[1] == b[1] and a[2] < b[2]) end "
      .. "log('stable')", "stable" },
    { "local t = {3,1,2} table.sort(t) log(table.concat(t))", "123" },
    { "local t = {3,1,2} local ok = pcall(table.sort, t, function() "
      .. "error('x') end) log(tostring(ok) .. table.concat(t))", "false312" },
    { "local t = {'b','B','a'} table.sort(t) log(table.concat(t))", "Bab" },
    { "log(#('x'):rep(1024 * 1024))", "1048576" },
    { "log(('ab'):rep(3, '-') .. ('x'):rep(0) .. ('x'):rep(-1) "
      .. ".. (''):rep(1 << 62))", "ab-ab-ab" },
    { "log(('x'):rep(1e5):find('y', 1, true))", "nil" },
    { "log(lpeg.match(lpeg.C(lpeg.R('az')^1), 'abc1'))", "abc" },
    { "log(select('#', table.unpack({1, 2, nil, 4}, 1, 4)))", "4" },
    { "local ok, err = pcall(error, 'plain', 0) log(err)", "plain" },
    { "log(utf8.len('äö'))", "2" },
    { "local x <const> = 1 local y <close> = nil log(x)", "1" },
    { "counter = (counter or 0) + 1 log(counter)", "1",
      "counter = 0" },
  }
  for _, row in ipairs(rows) do
    it("has " .. row[1], function()
      assert.are.equal(row[2], logged(row[1], nil, row[3]))
    end)
  end

  local refused = {
    { "('%p'):format({})", "%p is not available" },
    { "('x'):rep(1 << 40)", "longer than 1 MiB" },
    { "('x'):rep(1 << 62, 'yy')", "longer than 1 MiB" },
    { "(('a'):rep(70000)):find('.-.-b')", "at most 64 KiB" },
    { "(('a'):rep(70000)):match('.-.-b', 1, true)", "at most 64 KiB" },
    { "for _ in (('a'):rep(70000)):gmatch('.-b') do end", "at most 64 KiB" },
    { "(('a'):rep(70000)):gsub('x', 'y')", "at most 64 KiB" },
    { "table.move({}, 1, 1 << 60, 2)", "more than 1000000 elements" },
    { "for _ in pairs({ [{}] = 1 }) do end", "with a table as a key" },
    { "for _ in pairs({ [log] = 1 }) do end", "with a function as a key" },
    { "local x = metric.qurey", "metric has no 'qurey' (did you mean query?)" },
    { "metric.query = 1", "metric cannot be changed" },
    { "table.insert = log", "table cannot be changed" },
    { "typo = 1", "'typo' is not declared" },
    { "local t <close> = {}", "non-closable" },
    { "string.format('%d', 'x')", "bad argument #2 to 'format'" },
    { "local x = ('x'):foo()", "string has no 'foo'" },
  }
  for _, row in ipairs(refused) do
    it("refuses " .. row[1], function()
      local text, err = message(row[1])
      assert.truthy(text:find(row[2], 1, true), text)
      assert.are.equal(1, err.line)
    end)
  end

  it("gives one and the same run in 20 processes", function()
    local demanding = [[
      local names, out = {}, {}
      for i = 1, 200 do names["k" .. (i * 7919) % 1009] = i % 5 end
      for k, v in pairs(names) do
        out[#out + 1] = { k, v }
        if #out == 150 then break end
      end
      table.sort(out, function(a, b) return a[2] < b[2] end)
      local text = {}
      for i, pair in ipairs(out) do text[i] = pair[1] .. tostring({}) end
      log(table.concat(text, " "):sub(1, 4000))
      log("%s %s", math.random(), math.random(1 << 40))
      metric.query { expr = "x", z = { c = 1, a = 2, b = { 1, 2.5 } } }
      parallel { z = function() return clock.now() end,
        a = function() wait("1s") return clock.now() end,
        function() return flag.get { flag = tostring(print_me) } end }
    ]]
    local first
    for _ = 1, 20 do
      local text = body(demanding, { order = { 4, 3, 2 } },
        "print_me = log").text
      first = first or text
      assert.are.equal(first, text)
    end
    assert.truthy(first:find('"ended":"finished"', 1, true), first)
  end)
end)
