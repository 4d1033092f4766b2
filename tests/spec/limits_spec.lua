-- The limits of a runbook: each ends its process with a verdict of its own,
-- says its name, its value, what was used and the line, is journaled, and
-- comes out the same in a replay.

local cli = require "tests.spec.support_cli"

-- Small ones, so that each is reached at once.
local LIMITS = { instructions = 20000000, memory = 16777216, cpu = 1,
  wall = 60, calls = 50, output = 1048576, log = 2000, frame = 65536,
  source = 4096 }

local function environment(limits)
  local list = {}
  for name, value in pairs(limits) do
    list[#list + 1] = ("%s = %d"):format(name, value)
  end
  cli.environment(nil, ("limits = { %s },\n"):format(table.concat(list, ", ")))
end

local RUN = "runbooks/book.lua --yes"

-- limit, body of run (line 3 and on), what the message says of it
local ROWS = {
  { "instructions", "while true do end",
    "instructions = 20000000 %(instructions; it used 2000%d+%)", 3 },
  { "instructions", "\npcall(function()\nwhile true do pcall(error) end end)",
    "instructions = 20000000 ", 5 },
  { "memory", "\nlocal t = {}\nfor i = 1, 1e9 do t[i] = { i } end",
    "memory = 16777216 %(bytes, 16 MiB; it used 1%d+%)", 5 },
  { "cpu", "\nlocal s = ('a'):rep(60000)\nreturn s:find('.-.-.-b')",
    "cpu = 1 %(seconds; it used 1%.?%d*%)", 5 },
  { "cpu", "log 'x'\nlocal s = ('a'):rep(1000)\n"
    .. "return s:find((('.-'):rep(6)) .. 'b')", "cpu = 1 ", 5 },
  { "cpu", "log 'x'\nlocal p = lpeg.P 'x'\nlocal g = lpeg.P { 'S', "
    .. "S = 'a' * lpeg.V 'S' * 'b' + 'a' * lpeg.V 'S' * 'c' + lpeg.P '' }\n"
    .. "return g:match(('a'):rep(60))", "cpu = 1 ", 6 },
  { "log", "while true do\nlog '' end", "log = 2000 ", 4 },
  { "output", "while true do\nstep('x', function() end) end",
    "output = 1048576 ", 4 },
  { "calls", "while true do\nmetric.query { expr = 'errors' } end",
    "calls = 50 %(calls; it used 51%)", 4 },
  { "output", "for i = 1, 1e9 do\nmetric.query { expr = ('x'):rep(60000) .. i }"
    .. " end", "output = 1048576 %(bytes, 1 MiB; it used 1[01]%d+%)", 4 },
  { "log", "while true do\nlog 'a line that is forty bytes long: it is.' end",
    "log = 2000 %(bytes; it used 2[01]%d%d%)", 4 },
  { "frame", "\nmetric.query { expr = ('x'):rep(70000) }",
    "frame = 65536 %(bytes, 64 KiB; it used 70%d%d%d%)", 4 },
  { "frame", "\nmetric.query { expr = ('x'):rep(900000) .. ('x'):rep(900000) }",
    "frame = 65536 %(bytes, 64 KiB; it used more%)", 4 },
}

describe("a limit", function()
  before_each(function()
    cli.open()
    environment(LIMITS)
  end)
  after_each(cli.close)

  for i, row in ipairs(ROWS) do
    local name, body, told, line = table.unpack(row)

    it(("on %s ends a plan, which changes nothing (%d)"):format(name, i),
      function()
        cli.book(body)
        local result = cli.run(RUN)
        assert.equal(2, result.status, result.all)
        assert.truthy(result.err:match("was ended by the limit " .. told),
          result.err)
        assert.truthy(result.err:find("seen at book.lua:" .. line, 1, true),
          result.err)
        assert.truthy(result.err:find("production is untouched", 1, true))
        assert.truthy(result.err:find(("set limits = { %s = ... } in ")
          :format(name), 1, true), result.err)
        assert.same({}, cli.runs())
      end)
  end

  -- A plan sees no further than a metric behind a write.
  local BEHIND = "deploy.release { version = 'v1' } "
    .. "metric.query { expr = 'errors' } "

  local function reached(name, body, told, line)
    cli.book(BEHIND .. body)
    local result = cli.run(RUN)
    assert.equal(7, result.status, result.all)
    assert.truthy(result.err:match("was ended by the limit " .. told),
      result.err)
    assert.truthy(result.err:find("seen at book.lua:" .. line, 1, true),
      result.err)
    local journal = cli.journal()
    assert.equal(("limit %s %d"):format(name, LIMITS[name]), cli.jq(journal,
      [[select(.kind == "limit") | "\(.verdict) \(.limit) \(.value)"]]))
    local shown = cli.run "show last"
    assert.truthy(shown.out:match("limit: the runbook was ended by the limit "
      .. told), shown.out)
    local again = cli.run "replay last"
    assert.equal(0, again.status, again.all)
    assert.truthy(again.out:find("exit 7", 1, true), again.out)
    return journal
  end

  for i, row in ipairs(ROWS) do
    it(("on %s ends a run, is journaled, and replayed (%d)"):format(row[1], i),
      function()
        reached(table.unpack(row))
      end)
  end

  it("on wall ends what thinks too long, and a replay takes the event",
    function()
      LIMITS.wall, LIMITS.cpu, LIMITS.instructions = 1, 60, 1000000000000
      environment(LIMITS)
      local journal = reached("wall", "while true do end",
        "wall = 1 %(seconds; it used %d%.%d+%)", 3)
      assert.equal("false",
        cli.jq(journal, 'select(.kind == "limit") | .repeats'))
      LIMITS.wall, LIMITS.cpu, LIMITS.instructions = 60, 1, 20000000
    end)

  it("on source refuses the runbook and its modules", function()
    cli.write("runbooks/big.lua", "return {} --" .. ("x"):rep(5000))
    cli.book "local big = require 'big'"
    cli.write("runbooks/book.lua", "local big = require 'big'\n"
      .. cli.read "runbooks/book.lua")
    local result = cli.run(RUN)
    assert.equal(2, result.status, result.all)
    assert.truthy(result.err:find("refused by the limit source = 4096 (bytes, "
      .. "4 KiB): big.lua has 5012 bytes", 1, true), result.err)
    cli.book("--" .. ("x"):rep(5000))
    result = cli.run(RUN)
    assert.equal(2, result.status, result.all)
    assert.truthy(result.err:match("refused by the limit source = 4096 %(bytes"
      .. ", 4 KiB%): book.lua has 5%d+ bytes"), result.err)
  end)

  it("on source has an end of its own", function()
    cli.book("--" .. ("x"):rep(270000))
    local result = cli.run(RUN)
    assert.equal(2, result.status, result.all)
    assert.truthy(result.err:find("is larger than 262144 bytes (256 KiB), the "
      .. "most that the limit source can be", 1, true), result.err)
    assert.truthy(result.err:find("next:  split it into modules", 1, true),
      result.err)
  end)

  it("that ends a plan behind a write offers no way around it", function()
    cli.book "deploy.release { version = 'v1' } while true do clock.now() end"
    local result = cli.run(RUN)
    assert.equal(2, result.status, result.all)
    assert.truthy(result.err:find("--yes is no consent", 1, true), result.err)
    assert.is_nil(result.err:find("--plan", 1, true), result.err)
    assert.truthy(result.err:find("next:  look for a loop", 1, true),
      result.err)
  end)

  it("ends an environment file, too", function()
    cli.book ""
    cli.environment(nil, "x = (function() while true do end end)(),\n")
    local result = cli.run(RUN)
    assert.equal(2, result.status, result.all)
    assert.truthy(result.err:match("the environment file was ended by the "
      .. "limit instructions = 1000000000 %(.*%), last seen at lab.lua:"),
      result.err)
  end)

  it("is not for the runbook to set", function()
    cli.book("", 'runbook { service = "shop", summary = "t", uses = { "*" }, '
      .. 'limits = { cpu = 100 } }\n')
    local result = cli.run(RUN)
    assert.equal(2, result.status, result.all)
    assert.truthy(result.err:find("limits", 1, true), result.err)
  end)
end)

describe("limits in an environment", function()
  before_each(function()
    cli.open()
    cli.book ""
  end)
  after_each(cli.close)

  for _, row in ipairs {
    { "instruction = 5000000",
      'limits.instruction: there is no such limit (did you mean '
        .. '"instructions"?)' },
    { "cpu = 0", "limits.cpu must be a whole number of seconds from 1 to "
      .. "3600" },
    { "cpu = 1.5", "limits.cpu must be a whole number" },
    { "cpu = '10'", "limits.cpu must be a whole number" },
    { "cpu = 1 << 62", "limits.cpu must be a whole number" },
    { "memory = -1", "limits.memory must be a whole number of bytes" },
    { "source = 300000", "limits.source must be a whole number of bytes from "
      .. "1024 to 262144" },
    { "5, 6", "limits must be a table" },
  } do
    it("refuses " .. row[1], function()
      cli.environment(nil, "limits = { " .. row[1] .. " },\n")
      local result = cli.run(RUN)
      assert.equal(2, result.status, result.all)
      assert.truthy(result.err:find(row[2], 1, true), result.err)
      assert.truthy(result.err:find("\nnext:  ", 1, true), result.err)
    end)
  end

  for _, value in ipairs { "5", "'x'", "true", "{ 5 }" } do
    it("refuses limits = " .. value, function()
      cli.environment(nil, "limits = " .. value .. ",\n")
      local result = cli.run(RUN)
      assert.equal(2, result.status, result.all)
      assert.truthy(result.err:find("limits must be a table: { cpu = 60 }", 1,
        true), result.err)
      assert.truthy(result.err:find("\nnext:  rbrun help limits", 1, true),
        result.err)
    end)
  end

  it("are told by rbrun help limits, and the documentation", function()
    local help = cli.run("help limits").out
    local page = assert(io.open "docs/environments.md"):read "a"
    local count = 0
    for name, default in help:gmatch "\n  (%l+) +default (.-), from" do
      count = count + 1
      local found = page:match("\n| `" .. name .. "` | ([^|]+) |")
      assert.equal(default, found and found:gsub(" $", ""), name)
    end
    assert.equal(9, count)
  end)
end)

describe("a run that is resumed with other limits", function()
  -- Killed in its wait, resumed with a limit that is reached at once, or
  -- behind what the journal holds.
  local function resumed(calls)
    cli.open()
    cli.environment()
    cli.book("deploy.release { version = 'v1' }\n"
      .. "for i = 1, 5 do clock.now() end\n"
      .. "wait.sleep { seconds = 1 }\n"
      .. "for i = 1, 5 do clock.now() end")
    cli.killed_at("wait.sleep", "runbooks/book.lua --yes")
    cli.environment(nil, ("limits = { calls = %d },\n"):format(calls))
    return cli.run("resume last --environment runbooks/environments/lab.lua")
  end

  it("and reaches them before it has done anything can go on", function()
    local result = resumed(3)
    assert.equal(7, result.status, result.all)
    local lab = "runbooks/environments/lab.lua"
    local id = cli.runs()[1]
    assert.truthy(result.all:find(("set limits = { calls = ... } in %s, then: "
      .. "rbrun resume %s --environment %s"):format(lab, id, lab), 1, true),
      result.all)
    cli.environment(nil, "limits = { calls = 50 },\n")
    result = cli.run("resume last --environment " .. lab)
    assert.equal(0, result.status, result.all)
    cli.close()
  end)

  it("and ends by them is given no advice that cannot work", function()
    local result = resumed(9)
    assert.equal(7, result.status, result.all)
    assert.truthy(result.all:find("put a wait into it", 1, true), result.all)
    assert.is_nil(result.all:find("set limits", 1, true), result.all)
    assert.truthy(result.out:find("next: rbrun show ", 1, true), result.all)
    assert.truthy(result.err:find("this write stands: deploy.release shop", 1,
      true), result.err)
    cli.close()
  end)

  it("has these, and so has its replay", function()
    cli.open()
    cli.environment()
    cli.book("deploy.release { version = 'v1' }\n"
      .. "wait.sleep { seconds = 1 }\n"
      .. "for i = 1, 5 do clock.now() end")
    cli.killed_at("wait.sleep", "runbooks/book.lua --yes")
    cli.environment(nil, "limits = { calls = 4 },\n")
    local result = cli.run("resume last --environment "
      .. "runbooks/environments/lab.lua")
    assert.equal(7, result.status, result.all)
    assert.truthy(result.err:find("limit calls = 4 (calls; it used 5), last "
      .. "seen at book.lua:5", 1, true), result.err)
    result = cli.run "replay last"
    assert.equal(0, result.status, result.all)
    assert.truthy(result.out:find("4 calls", 1, true), result.out)
    cli.close()
  end)
end)
