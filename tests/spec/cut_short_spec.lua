-- What must not be cut short: a file's name; and what must be: a load that
-- somebody stops.

local cli = require "tests.spec.support_cli"

describe("a runbook's path", function()
  before_each(cli.open)
  after_each(cli.close)

  it("of 256 bytes is refused, not cut to one that has grants", function()
    local folder = ("d"):rep(120) .. "/" .. ("e"):rep(125)
    local name = folder .. "/book.lua"
    cli.sh("mkdir -p runbooks/%s", folder)
    cli.write("runbooks/environments/lab.lua", "return { name = \"lab\",\n"
      .. cli.BINDINGS .. "grants = { [\"" .. name
      .. "\"] = { \"* *\" } } }\n")
    cli.write("runbooks/" .. name, cli.HEADER .. "function run() end\n")
    cli.sh("cp runbooks/%s runbooks/%sEVIL.lua", name, name)
    local lab = " --yes --environment runbooks/environments/lab.lua"
    local good = cli.run("runbooks/" .. name .. lab)
    assert.equal(0, good.status, good.all)
    local evil = cli.run("runbooks/" .. name .. "EVIL.lua" .. lab)
    assert.equal(2, evil.status, evil.all)
    assert.truthy(evil.err:find("longer than 255 bytes", 1, true), evil.err)
  end)

  it("that is no UTF-8 is refused", function()
    cli.environment()
    cli.write("runbooks/b\xffk.lua", cli.HEADER .. "function run() end\n")
    for _, command in ipairs { "run ", "check " } do
      local result = cli.run(command .. "runbooks/b\xffk.lua")
      assert.equal(2, result.status, result.all)
      assert.truthy(result.all:find("not plain UTF-8", 1, true), result.all)
    end
  end)
end)

describe("a file that loads for long", function()
  before_each(cli.open)
  after_each(cli.close)

  local SLOW = "local s = ('a'):rep(20000) s:find('.-.-.-.-.-b')\n"

  for name, write in pairs {
    runbook = function()
      cli.environment()
      cli.write("runbooks/book.lua", cli.HEADER .. SLOW
        .. "function run() end\n")
    end,
    environment = function()
      cli.environment(nil, "x = (function() " .. SLOW .. " end)(),\n")
      cli.book ""
    end,
  } do
    it("is left by Ctrl-C: the " .. name, function()
      write()
      cli.write("start.sh", (cli.command "runbooks/book.lua --yes"
        :gsub("&& env ", "&& exec env ", 1)) .. " >log 2>&1\n")
      -- A shell's background processes ignore SIGINT: SIGTERM is the same.
      local status = cli.sh([[(sh start.sh & run=$!
        for i in $(seq 200); do
          pgrep -P $run >/dev/null && break
          sleep 0.05
        done
        sleep 0.3
        kill -TERM $run
        # Its processor time would end it after 20 seconds.
        (sleep 15; exec kill -9 $run) 2>/dev/null & guard=$!
        wait $run
        echo $?
        pkill -P $guard
        kill $guard) 2>/dev/null]])
      assert.equal("143\n", status, cli.read "log")
      assert.truthy(cli.read "log":find("nothing has been changed", 1, true))
    end)
  end
end)

describe("tasks", function()
  it("that were refused hold no room", function()
    cli.open()
    cli.environment()
    cli.book([[
      local many = {}
      for i = 1, 300 do many[i] = function() end end
      log("%s", tostring(attempt(parallel, many)))
      parallel { function() log "there is room" end }]])
    local result = cli.run "runbooks/book.lua --yes"
    assert.equal(0, result.status, result.all)
    assert.truthy(result.err:find("there is room", 1, true), result.err)
    cli.close()
  end)
end)

describe("lists that are too long are the author's mistake:", function()
  before_each(function()
    cli.open()
    cli.environment()
  end)
  after_each(cli.close)

  it("uses", function()
    cli.write("runbooks/book.lua", "local u = {}\nfor i = 1, 10001 do u[i] = "
      .. "'clock.now' end\nrunbook { service = 's', summary = 't', uses = u }"
      .. "\nfunction run() end\n")
    local result = cli.run "runbooks/book.lua --yes"
    assert.equal(2, result.status, result.all)
    assert.truthy(result.err:find("book.lua:3: runbook: uses has more than "
      .. "1000 entries", 1, true), result.err)
    assert.is_nil(result.err:find("hostile", 1, true))
  end)

  it("modules", function()
    cli.write("runbooks/book.lua", "for i = 1, 300 do pcall(require, 'm' .. i)"
      .. " end\nrequire 'last'\n" .. cli.HEADER .. "function run() end\n")
    local result = cli.run "runbooks/book.lua --yes"
    assert.equal(2, result.status, result.all)
    assert.truthy(result.err:find("more than 250 modules are asked for", 1,
      true), result.err)
    assert.is_nil(result.err:find("hostile", 1, true))
  end)
end)

describe("an error in a grammar", function()
  it("is the same in every process", function()
    cli.open()
    cli.environment()
    cli.book([[
      local left, undefined, empty = { "S", S = lpeg.P "x" }, {}, {}
      for i = 1, 12 do
        left["r" .. i] = lpeg.V("r" .. i) * 1
      end
      for i = 1, 12 do
        undefined[i] = lpeg.V("u" .. i)
        empty[i] = lpeg.P(true)^-1 * lpeg.P(lpeg.P "x"^0)
      end
      local words = { [1] = "a" }
      for i = 1, 12 do words["w" .. i] = i % 2 == 0 and true or lpeg.P "x" end
      log("%s", select(2, pcall(lpeg.P, left)))
      log("%s", select(2, pcall(lpeg.P, { "a", a = lpeg.V "b", c = lpeg.V "d",
        e = lpeg.V "f", g = lpeg.V "h", i = lpeg.V "j" })))
      log("%s", select(2, pcall(lpeg.P, words)))]])
    local seen = {}
    for _ = 1, 6 do
      local result = cli.run "runbooks/book.lua --yes"
      assert.equal(0, result.status, result.all)
      seen[cli.jq(cli.journal(cli.runs()[#cli.runs()]),
        'select(.what == "log") | .text')] = true
    end
    local text = next(seen)
    assert.is_nil(next(seen, text), text)
    assert.truthy(text:find("may be left recursive", 1, true), text)
    assert.truthy(text:find("is not defined in it", 1, true), text)
    cli.close()
  end)
end)
