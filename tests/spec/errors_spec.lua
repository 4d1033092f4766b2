-- What an author, or a person at night, is told of a mistake: where it is,
-- what was meant, and what to do. Each row has the exact words.

local cli = require "tests.spec.support_cli"

local USES = [[runbook { service = "shop", summary = "t", uses = { "*" } }]]

before_each(function()
  cli.open()
  cli.environment()
end)
after_each(cli.close)

local function replace(text, from, to)
  local at, last = text:find(from, 1, true)
  assert(at, "no \"" .. from .. "\" in:\n" .. text)
  return text:sub(1, at - 1) .. to .. text:sub(last + 1)
end

-- The runbook: USES on line 1, top on line 2, the body from line 3.
local function write_book(body, top, header)
  cli.write("runbooks/book.lua", (header or USES) .. "\n" .. (top or "")
    .. "\nfunction run(input) " .. (body or "") .. "\nend\n")
end

-- The lines of standard error, without "rbrun: "; scratch paths as @.
local function told(result)
  local text = result.err:gsub("^rbrun: ", "")
  local folder = cli.directory:gsub("%p", "%%%0")
  return (text:gsub(folder, "@"):gsub("%s+$", ""))
end

local STATE = "\nstate: refused; production is untouched\nnext:  "
local CHECK = "mend it, then: rbrun check runbooks/book.lua"

local function refuses(command, wanted, settings)
  local result = cli.run(command, settings)
  assert.equal(wanted, told(result))
  assert.equal(2, result.status)
  assert.is_nil(cli.read "world.json")
  assert.same({}, cli.runs())
end

describe("a name that is wrong", function()
  -- what, the line, what plan says of it, what check says of it (or nil:
  -- nothing, since only running it can tell)
  local rows = {
    { "an unknown noun", "metrc.query { expr = 'x' }",
      "undefined global 'metrc' (did you mean metric?)",
      "undefined metrc.query (did you mean metric.query?)" },
    { "an unknown global", "lgo('x')",
      "undefined global 'lgo' (did you mean log?)",
      "undefined lgo (did you mean log?)" },
    { "a name far from any", "reticulate()",
      "undefined global 'reticulate'", "undefined reticulate" },
    { "an unknown verb", "metric.qurey { expr = 'x' }",
      "metric has no 'qurey' (did you mean query?)",
      "undefined metric.qurey (did you mean query?)" },
    { "a field of a library", "local x = string.fnd('a', 'b')",
      "string has no 'fnd' (did you mean find?)",
      "undefined string.fnd (did you mean find?)" },
    { "a field of lpeg", "lpeg.matc('a', 'b')",
      "lpeg has no 'matc' (did you mean match?)",
      "undefined lpeg.matc (did you mean match?)" },
    { "a method of a text", "local x = ('a'):fnd('b')",
      "string has no 'fnd' (did you mean find?)" },
    { "a colon for a dot", "metric:query { expr = 'x' }",
      "write metric.query { ... } with a dot, not a colon",
      "write metric.query { ... } with a dot, not a colon" },
    { "a name of stock Lua", "print('x')",
      "undefined global 'print'; use log(...)",
      "undefined print; use log(...)" },
    { "a library of stock Lua", "local x = os.time()",
      "undefined global 'os'; the time comes from clock.now(), and programs "
        .. "are run by command.run",
      "undefined os.time; the time comes from clock.now(), and programs are "
        .. "run by command.run" },
    { "a field of one of rbrun's modules", "decide.releas {}",
      "module decide has no 'releas' (did you mean release?)" },
    { "a global that run sets", "x = 5", "'x' is not declared: write local "
      .. "x, or set it at the top of the file" },
  }
  for _, row in ipairs(rows) do
    it(row[1], function()
      write_book("\n  " .. row[2], "local decide = require 'decide'")
      refuses("plan runbooks/book.lua", "book.lua:4: " .. row[3] .. "\n    "
        .. row[2] .. STATE .. CHECK)
      local result = cli.run "check runbooks/book.lua"
      assert.equal(row[4] and "book.lua:4: " .. row[4]
        .. "\nnext: mend that, then: rbrun check runbooks/book.lua\n"
        or "book.lua: no mistakes found, granted in lab\n", result.out)
      assert.equal(row[4] and 2 or 0, result.status)
    end)
  end
end)

describe("a call that is wrong", function()
  local rows = {
    { "an option's name", "deploy.release { versoin = 'v1' }",
      "deploy.release has no option \"versoin\" (did you mean \"version\"?)" },
    { "an option far from any", "deploy.current { colour = 'v1' }",
      "deploy.current has no option \"colour\" (it has: target)" },
    { "a type", "deploy.release { version = 1 }",
      "deploy.release: version must be a text (commit, tag or release name), "
      .. "not a number" },
    { "a number as text", "metric.await { expr = 'errors', below = '0.1' }",
      "metric.await: below must be a number, not a text" },
    { "an empty text", "metric.query { expr = '' }",
      "metric.query: expr is empty" },
    { "a zero byte", "metric.query { expr = 'a\\0b' }",
      "metric.query: expr: text that contains a zero byte cannot be sent" },
    { "an empty duration",
      "deploy.release { version = 'v1', within = '' }",
      "deploy.release: within is empty" },
    { "a duration without a unit",
      "deploy.release { version = 'v1', within = '5' }",
      "deploy.release: within: \"5\" is no duration: write a number and one "
      .. "of ms, s, m, h, d, such as \"30s\"" },
    { "what must be given", "flag.set { flag = 'new' }",
      "flag.set needs on: the state to bring about" },
    { "a text for the table", "metric.query('errors')",
      "metric.query takes one table, not a string: metric.query { name = "
      .. "value }" },
    { "a system that is not bound",
      "deploy.current { target = 'shp' }",
      "deploy.current: environment lab binds no deploy \"shp\" (did you mean "
      .. "\"shop\"? it has: shop)" },
  }
  for _, row in ipairs(rows) do
    it(row[1], function()
      write_book("\n  " .. row[2])
      local verb = row[2]:match "^[%a.]+"
      refuses("plan runbooks/book.lua", ("book.lua:4: %s\n    %s%srbrun help "
        .. "%s; mend it, then: rbrun plan runbooks/book.lua"):format(row[3],
        row[2], STATE, verb))
    end)
  end

  it("an ending without its word", function()
    write_book("\n  finish { because = 'x' }")
    refuses("plan runbooks/book.lua", "book.lua:4: finish: as is missing: "
      .. "one of declined, escalated, gate, nothing, recovered\n    "
      .. "finish { because = 'x' }" .. STATE .. CHECK)
  end)
end)

describe("a header that is wrong", function()
  local rows = {
    { "a verb in uses", "uses = { 'metric.qurey' }", "uses: no verb is "
      .. "called \"metric.qurey\" (did you mean metric.query?)" },
    { "a noun in uses", "uses = { 'metrc.*' }", "uses: no verb is called "
      .. "\"metrc.*\" (did you mean metric.*?)" },
    { "a text for uses", "uses = 'metric.query'", "uses is a string: list "
      .. "the verbs the file calls, such as uses = { \"metric.query\", "
      .. "\"deploy.*\" }" },
    { "no uses", "", "uses is missing: list the verbs the file calls, such "
      .. "as uses = { \"metric.query\", \"deploy.*\" }" },
    { "a field", "use = { 'metric.query' }",
      "unknown field 'use' (did you mean uses?)" },
    { "an input's type", "uses = {}, inputs = { to = 'txt' }", "inputs.to = "
      .. "\"txt\": the type is one of bool, duration, int, number, text, or "
      .. "choices such as \"a|b\" (did you mean text?)" },
  }
  for _, row in ipairs(rows) do
    it(row[1], function()
      local header = "runbook { service = 's', summary = 't', " .. row[2]
        .. " }"
      write_book(nil, nil, header)
      refuses("check runbooks/book.lua", "book.lua:1: runbook: " .. row[3]
        .. "\n    " .. header .. STATE .. CHECK)
    end)
  end

  it("a call of a verb that uses does not name", function()
    write_book("\n  deploy.current()", nil, "runbook {\n  service = 's', "
      .. "summary = 't',\n  uses = { 'metric.query' },\n}")
    refuses("plan runbooks/book.lua", "book.lua:7: deploy.current is not in "
      .. "the `uses` of book.lua" .. STATE
      .. "runbooks/book.lua:3: add \"deploy.current\" to uses")
  end)
end)

describe("an input that is wrong", function()
  local function inputs(text)
    write_book(nil, nil, replace(USES, "uses", "inputs = { " .. text
      .. " }, uses"))
  end

  it("all that are missing are named", function()
    inputs "to = 'text', n = 'number', s = 'P0|P1', o = 'text?', d = 'int=1'"
    refuses("plan runbooks/book.lua", "book.lua needs the inputs \"n\" "
      .. "(number), \"s\" (P0|P1), \"to\" (text)" .. STATE .. "add, with the "
      .. "real values: --input n=0.5 --input s=P0 --input to=\"...\"")
  end)

  it("one that is missing", function()
    inputs "to = 'text', n = 'number'"
    refuses("plan runbooks/book.lua --input to=x", "book.lua needs the input "
      .. "\"n\" (number)" .. STATE
      .. "add, with the real values: --input n=0.5")
  end)

  it("a choice", function()
    inputs "s = 'minor|major'"
    refuses("plan runbooks/book.lua --input s=mjor", "the input s=mjor is "
      .. "none of minor|major (did you mean major?)" .. STATE
      .. "--input s=major")
    refuses("plan runbooks/book.lua --input s=9", "the input s=9 is none of "
      .. "minor|major" .. STATE .. "give one that is, such as --input "
      .. "s=minor")
  end)

  it("a type", function()
    inputs "n = 'number'"
    refuses("plan runbooks/book.lua --input n=many", "the input n=many is no "
      .. "number" .. STATE .. "give one that is, such as --input n=0.5")
  end)

  it("a name, and what names there are", function()
    inputs "hard = 'bool=false', to = 'text', n = 'int?'"
    refuses("plan runbooks/book.lua --input harf=true", "book.lua has no "
      .. "input \"harf\" (did you mean \"hard\"?)" .. STATE .. "its inputs "
      .. "are: hard (bool, default false), n (int, optional), to (text)")
  end)

  it("one that is given twice", function()
    inputs "n = 'int=1'"
    refuses("plan runbooks/book.lua -i n=1 -i n=2", "the input \"n\" is given "
      .. "twice: n=1 and n=2" .. STATE .. "give --input n=... once")
  end)
end)

describe("a module", function()
  local function module(name, text)
    cli.sh("mkdir -p runbooks/policy")
    cli.write("runbooks/policy/" .. name .. ".lua", text)
  end

  local function require_fails(name, wanted)
    local line = ("local m = require \"%s\""):format(name)
    write_book(nil, line)
    refuses("check runbooks/book.lua", wanted:gsub("LINE", line) .. STATE
      .. CHECK)
  end

  it("that is missing, with a near one", function()
    module("errors", "return {}")
    require_fails("policy.eror", "book.lua:2: require \"policy.eror\": there "
      .. "is no file runbooks/policy/eror.lua (did you mean policy.errors?)"
      .. "\n    LINE")
    require_fails("polic.eror", "book.lua:2: require \"polic.eror\": there is "
      .. "no file runbooks/polic/eror.lua (did you mean policy.errors?)"
      .. "\n    LINE")
  end)

  it("that is missing, with none near", function()
    require_fails("weather", "book.lua:2: require \"weather\": there is no "
      .. "file runbooks/weather.lua\n    LINE")
  end)

  it("of rbrun's own, mistyped", function()
    for wrong, right in pairs { decid = "decide", verfy = "verify",
      tel = "tell" } do
      require_fails(wrong, ("book.lua:2: require \"%s\": there is no file "
        .. "runbooks/%s.lua (did you mean %s?)\n    LINE"):format(wrong,
        wrong, right))
    end
  end)

  it("that is missing, required by another", function()
    module("a", "local b = require \"policy.b\"\nreturn b")
    module("b", "\n\nlocal c = require \"policy.near\"\nreturn c")
    module("next", "return {}")
    require_fails("policy.a", "policy/b.lua:3: require \"policy.near\": there "
      .. "is no file runbooks/policy/near.lua (did you mean policy.next?)\n"
      .. "    local c = require \"policy.near\"\n"
      .. "    required at policy/a.lua:1, book.lua:2")
  end)

  it("with a syntax error", function()
    module("a", "local b = require \"policy.b\"\nreturn b")
    module("b", "local x = 1\nlocal y = = 2\nreturn {}")
    require_fails("policy.a", "policy/b.lua:2: unexpected symbol near '='\n"
      .. "    local y = = 2\n    required at policy/a.lua:1, book.lua:2")
  end)

  it("that raises while it loads", function()
    module("a", "\nlocal b = require \"policy.b\"\nreturn b")
    module("b", "local function f(x)\n  return x.y\nend\n\nreturn f()")
    require_fails("policy.a", "policy/b.lua:2: attempt to index a nil value "
      .. "(local 'x')\n    return x.y\n"
      .. "    required at policy/b.lua:5, policy/a.lua:2, book.lua:2")
  end)

  it("that returns nothing", function()
    module("a", "local x = 1")
    require_fails("policy.a", "book.lua:2: require \"policy.a\": "
      .. "policy/a.lua returns nothing; end it with return { ... }\n    LINE")
  end)

  it("that requires itself around three corners", function()
    module("a", "local b = require \"policy.b\"\nreturn b")
    module("b", "\nlocal c = require \"policy.c\"\nreturn c")
    module("c", "\n\nlocal a = require \"policy.a\"\nreturn a")
    require_fails("policy.a", "policy/c.lua:3: modules require each other: "
      .. "policy.a -> policy.b -> policy.c -> policy.a\n"
      .. "    local a = require \"policy.a\"\n"
      .. "    required at policy/b.lua:2, policy/a.lua:1, book.lua:2")
  end)

  it("the list of rbrun's own is whole", function()
    local list = assert(io.open "stdlib/internal/loader.lua"):read "a"
      :match "local STDLIB = {([^}]*)}"
    local names = {}
    for name in list:gmatch "\"(%w+)\"" do
      names[#names + 1] = "stdlib/" .. name .. ".lua"
    end
    local pipe = io.popen "ls stdlib/*.lua"
    assert.equal(pipe:read "a", table.concat(names, "\n") .. "\n")
    pipe:close()
  end)
end)

describe("a call that is not granted", function()
  local LAB = "runbooks/environments/lab.lua"
  local FILE = "return {\n  name = \"lab\",\n" .. cli.BINDINGS
    .. "\n  grants = {\n    [\"other.lua\"] = { \"* *\" },\n"
    .. "    [\"book.lua\"] = {\n      \"deploy.current shop\",\n    },\n"
    .. "  },\n}\n"
  local ENTRY, TABLE = 12, 10 -- lines of the file

  local function uses(list)
    return replace(USES, "\"*\"", list)
  end

  before_each(function()
    cli.write(LAB, FILE)
    write_book("\n  deploy.release { version = 'v1' }", nil,
      uses "'deploy.*'")
  end)

  local DENIED = "book.lua:4: deploy.release on shop is not granted to "
    .. "book.lua in environment lab" .. STATE

  it("is told the line of its entry, by plan and run", function()
    local wanted = DENIED .. LAB .. ":" .. ENTRY
      .. ": add \"deploy.release shop\" to grants[\"book.lua\"]"
    refuses("plan runbooks/book.lua", wanted)
    refuses("run runbooks/book.lua --yes", wanted)
  end)

  it("is told the whole path from elsewhere", function()
    local result = cli.run("plan runbooks/book.lua")
    assert.equal(2, result.status)
    local text = cli.sh("cd / && RBRUN_STATE=%s %s plan %s 2>&1", cli.state,
      cli.quote(cli.rbrun), cli.path "runbooks/book.lua")
    assert.truthy(text:find("next:  " .. cli.path(LAB) .. ":12: add", 1,
      true), text)
  end)

  it("is told to add an entry where there is none", function()
    cli.write(LAB, replace(FILE, "[\"book.lua\"]", "[\"web.lua\"]"))
    refuses("check runbooks/book.lua", "book.lua uses what is not granted to "
      .. "it in environment lab: deploy.* (deploy.current, deploy.release, "
      .. "deploy.shift)" .. STATE .. LAB .. ":" .. TABLE
      .. ": add [\"book.lua\"] = { \"deploy.* shop\" } to grants")
  end)

  it("is never told to add to what all runbooks get", function()
    cli.write(LAB, replace(FILE, "[\"book.lua\"]", "[\"*\"]"))
    refuses("plan runbooks/book.lua", DENIED .. LAB .. ":" .. TABLE
      .. ": add [\"book.lua\"] = { \"deploy.release shop\" } to grants")
  end)

  it("is told the key that the entry has", function()
    cli.sh "mkdir runbooks/night; mv runbooks/book.lua runbooks/night"
    local denied = DENIED:gsub("to book.lua", "to night/book.lua")
      :gsub("^book", "night/book")
    refuses("plan runbooks/night/book.lua", denied .. LAB .. ":" .. ENTRY
      .. ": add \"deploy.release shop\" to grants[\"book.lua\"]")
    cli.write(LAB, replace(FILE, "[\"book.lua\"]", "[\"night/book.lua\"]"))
    refuses("plan runbooks/night/book.lua", denied .. LAB .. ":" .. ENTRY
      .. ": add \"deploy.release shop\" to grants[\"night/book.lua\"]")
  end)

  it("is told the line of an entry that is a local", function()
    cli.write(LAB, "local common = { 'deploy.current shop' }\n"
      .. "local grants = {\n  ['book.lua'] = common,\n}\nreturn { name = "
      .. "'lab',\n" .. cli.BINDINGS .. "grants = grants }\n")
    refuses("plan runbooks/book.lua", DENIED .. LAB
      .. ":3: add \"deploy.release shop\" to grants[\"book.lua\"]")
  end)

  it("is told the file alone where code makes the table", function()
    cli.write(LAB, "local grants = {}\nfor _, name in ipairs { 'book' } do\n"
      .. "  grants[name .. '.lua'] = { 'deploy.current shop' }\nend\n"
      .. "return { name = 'lab',\n" .. cli.BINDINGS .. "grants = grants }\n")
    refuses("plan runbooks/book.lua", DENIED .. LAB
      .. ": add \"deploy.release shop\" to grants[\"book.lua\"]")
  end)

  it("is told what to write where there are no grants", function()
    cli.write(LAB, "return { name = 'lab',\n" .. cli.BINDINGS .. "}\n")
    refuses("check runbooks/book.lua", "book.lua uses what is not granted to "
      .. "it in environment lab: deploy.* (deploy.current, deploy.release, "
      .. "deploy.shift)" .. STATE .. LAB
      .. ": add grants = { [\"book.lua\"] = { \"deploy.* shop\" } }")
  end)

  it("is named with all others that uses asks for", function()
    write_book(nil, nil, uses
      "'deploy.*', 'metric.query', 'flag.set', 'clock.now', 'git.*'")
    for _, command in ipairs { "check", "plan" } do
      refuses(command .. " runbooks/book.lua", "book.lua uses what is not "
        .. "granted to it in environment lab: metric.query, flag.set, "
        .. "clock.now, git.* (git.resolve, git.last_green, git.changes)"
        .. STATE .. LAB .. ":" .. ENTRY .. ": add \"metric.query m\", "
        .. "\"flag.set f\", \"clock.now\", \"git.* NAME\" to "
        .. "grants[\"book.lua\"]")
    end
  end)

  it("keeps a resumed run from it, by the file as it is now", function()
    cli.write(LAB, replace(FILE, "\"deploy.current shop\"", "\"* *\""))
    write_book("\n  wait '1h'\n  deploy.release { version = 'v1' }", nil,
      uses "'deploy.*', 'wait.sleep'")
    local pid = cli.sh("%s >/dev/null 2>&1 & echo $!",
      "RBRUN_STATE=" .. cli.state .. " " .. cli.quote(cli.rbrun)
      .. " run runbooks/book.lua --yes"):match "%d+"
    cli.sh([[for i in $(seq 400); do grep -q '"intent"' ]]
      .. [[state/runs/*/journal.ndjson 2>/dev/null && break; sleep 0.05; ]]
      .. "done; kill -9 %s", pid)
    local id = cli.runs()[1]
    cli.write(LAB, replace(FILE, "\"deploy.current shop\"",
      "\"deploy.* shop\""))
    local result = cli.run("resume " .. id .. " --environment lab")
    assert.equal(2, result.status, result.all)
    assert.truthy(result.all:find("book.lua uses what is not granted to it in "
      .. "environment lab: wait.sleep", 1, true), result.all)
    assert.truthy(result.all:find("next:  " .. cli.path(LAB):gsub("^.*/runb",
      "runb") .. ":" .. ENTRY .. ": add \"wait.sleep\" to "
      .. "grants[\"book.lua\"]", 1, true), result.all)
  end)
end)

describe("a grant that grants nothing", function()
  local LAB = "runbooks/environments/lab.lua"
  -- the grant, what is said of it; nil: it is fine
  local rows = {
    { "deploy.* shpo", "\"deploy.* shpo\" grants nothing: no deploy is called "
      .. "\"shpo\" here (did you mean \"shop\"?)" },
    { "git.resolve shop", "\"git.resolve shop\" grants nothing: no git is "
      .. "called \"shop\" here" },
    { "deploy.release", "\"deploy.release\" does not say on what: write "
      .. "\"deploy.release NAME\", or \"deploy.release *\"" },
    { "deplyo.* shop", "there is no verb \"deplyo.*\" (did you mean "
      .. "\"deploy.*\"?)" },
    { "git.* x*" }, { "git.* *" }, { "* shop" }, { "clock.now" }, { "*" },
    { "metric.query m" },
  }
  for _, row in ipairs(rows) do
    it(row[1], function()
      cli.write(LAB, "return { name = 'lab',\n" .. cli.BINDINGS
        .. "grants = {\n['book.lua'] = { '* *', '" .. row[1] .. "' } } }\n")
      write_book()
      local result = cli.run "check runbooks/book.lua"
      if row[2] then
        assert.equal(2, result.status, result.all)
        assert.truthy(result.err:find("grants[\"book.lua\"]: " .. row[2]
          .. "\n", 1, true), result.err)
        assert.truthy(result.err:find "next:  mend it, then: rbrun doctor "
          , result.err)
      else
        assert.equal("book.lua: no mistakes found, granted in lab\n",
          result.all)
      end
    end)
  end

  it("names its line", function()
    cli.write(LAB, "return { name = 'lab',\n" .. cli.BINDINGS
      .. "grants = {\n['book.lua'] = { 'deploy.* shp' } } }\n")
    write_book()
    local result = cli.run "check runbooks/book.lua"
    assert.truthy(result.err:find("/lab.lua:9: grants[", 1, true), result.err)
  end)

  it("a text for the list", function()
    cli.write(LAB, "return { name = 'lab',\n" .. cli.BINDINGS
      .. "grants = { ['book.lua'] = 'deploy.* shop' } }\n")
    write_book()
    local result = cli.run "check runbooks/book.lua"
    assert.equal(2, result.status)
    assert.truthy(result.err:find("grants[\"book.lua\"] must be a list: { "
      .. "\"deploy.* api\" }", 1, true), result.err)
  end)

  it("does not close the journals of before", function()
    write_book("finish { as = 'nothing', because = 'fine' }")
    assert.equal(0, cli.run "run runbooks/book.lua --yes".status)
    local journal = "state/runs/" .. cli.runs()[1] .. "/journal.ndjson"
    local text = cli.read(journal)
    assert.truthy(text:find("\"* *\"", 1, true))
    cli.write(journal, (text:gsub("\"%* %*\"", "\"* nobody\"")))
    local shown = cli.run "show last"
    assert.is_nil(shown.all:find("grants nothing", 1, true), shown.all)
  end)
end)

describe("a plan that changes production and then fails", function()
  local FAILS = "book.lua:5: it broke\n    error 'it broke'"

  before_each(function()
    write_book("\n  deploy.release { version = 'v1' }\n  error 'it broke'")
  end)

  for _, consent in ipairs { "--yes", "--confirm=lab" } do
    it("has no consent by " .. consent, function()
      local id = cli.agreed "runbooks/book.lua":match "%x+$"
      refuses("run runbooks/book.lua " .. consent,
        consent:gsub("=.*", "") .. " is no consent to a plan that changes "
        .. "production and then fails: " .. FAILS .. STATE
        .. "mend that; or, to run it all the same, add --plan " .. id)
    end)
  end

  it("has it by its id", function()
    local result = cli.run("run runbooks/book.lua --yes"
      .. cli.agreed "runbooks/book.lua")
    assert.equal(7, result.status, result.all)
  end)

  it("has an id of its own", function()
    local id = cli.agreed "runbooks/book.lua"
    -- The same writes of the same program, which another answer lets fail.
    write_book("\n  deploy.release { version = 'v1' }\n"
      .. "  if flag.get { flag = 'new' }.on then error 'it broke' end")
    local fails = cli.agreed "runbooks/book.lua"
    cli.environment((cli.BINDINGS:gsub("new = true", "new = false")))
    local ends = cli.agreed "runbooks/book.lua"
    assert.are_not.equal(id, fails)
    assert.are_not.equal(fails, ends)
    local result = cli.run("run runbooks/book.lua --yes" .. fails)
    assert.equal(6, result.status, result.all)
  end)

  it("is no matter where nothing is changed before it fails", function()
    write_book("\n  notify.send { text = 'hm' }\n  error 'it broke'")
    local result = cli.run "run runbooks/book.lua --yes"
    assert.equal(1, result.status, result.all)
  end)
end)

describe("a command line", function()
  it("may have its options first", function()
    write_book("finish { as = 'nothing', because = 'fine' }")
    for _, line in ipairs { "--confirm=lab runbooks/book.lua",
      "--confirm lab runbooks/book.lua", "--yes run runbooks/book.lua",
      "-e lab --yes runbooks/book.lua", "--yes -- runbooks/book.lua" } do
      local result = cli.run(line)
      assert.equal(0, result.status, line .. "\n" .. result.all)
      assert.truthy(result.out:find("nothing: fine", 1, true), result.all)
    end
    local result = cli.run "--json plan runbooks/book.lua"
    assert.equal("plan", cli.jq(result.out, "select(.id) | .event"))
    result = cli.run "--jsno plan runbooks/book.lua"
    assert.equal(2, result.status)
    assert.equal("rbrun plan has no option --jsno (did you mean --json?)\n"
      .. "next:  rbrun help plan", told(result))
  end)
end)

describe("what is counted", function()
  it("is one of something, or several", function()
    local bad = "%s = { driver = 'http', url = 'env:RB_NO_SUCH' },"
    -- A build with sanitizers has a finding of its own, on its jail.
    local one, two = { "a" }, { "a", "b" }
    if cli.sanitized then
      one, two = {}, { "a" }
    end
    for said, names in pairs { ["1 finding is bad\n"] = one,
      ["2 findings are bad\n"] = two } do
      local more = ""
      for _, name in ipairs(names) do
        more = more .. bad:format(name)
      end
      cli.environment(nil, "http = {" .. more .. "},\n")
      local result = cli.run "doctor -e lab"
      assert.truthy(result.out:find("\n" .. said, 1, true), result.out)
    end
  end)
end)

describe("a deploy whose health nobody tells", function()
  it("is not called ill", function()
    cli.environment([[deploy = { shop = { driver = "command",
      release = { "/bin/true" }, current = { "/bin/echo", "v2" } } },]])
    write_book("\n  local live = deploy.current()\n"
      .. "  finish { as = 'nothing', because = tostring(live.healthy) }")
    local result = cli.run "run runbooks/book.lua --yes"
    assert.equal(0, result.status, result.all)
    assert.truthy(result.err:find("v2 is live, health unknown", 1, true),
      result.err)
    assert.truthy(result.out:find("nothing: nil", 1, true), result.out)
  end)
end)

describe("luacheck's globals", function()
  it("are the names that runbooks have", function()
    local wanted = { lpeg = true }
    local builtin = { pcall = true, xpcall = true, math = true,
      string = true, table = true, utf8 = true }
    for line in cli.sh("grep -ho 'globals.define(\"[a-z_]*\"' %s",
      cli.quote(cli.root) .. "/stdlib/internal/*.lua"):gmatch "[^\n]+" do
      local name = line:match "\"(.*)\""
      wanted[name] = not builtin[name] or nil
    end
    local text = cli.sh("%s generate luacheck", cli.quote(cli.rbrun))
    local nouns = cli.sh("%s generate stubs", cli.quote(cli.rbrun))
    for noun in nouns:gmatch "\n([%l_]+) = {}" do
      wanted[noun] = true
    end
    local known = {}
    for name in text:match "read_globals = {(.-)}":gmatch "\"(.-)\"" do
      known[name] = true
    end
    assert.same(wanted, known)
  end)
end)

describe("the installer of packages", function()
  it("has help, and wants lists that there are", function()
    local install = cli.quote(cli.root) .. "/examples/lab/parts/install"
    for line, status in pairs { [" --help"] = 0, [" -h"] = 0, [""] = 2,
      [" /nowhere"] = 2, [" --fast"] = 2 } do
      local text = cli.sh("%s%s 2>&1; echo $?", install, line)
      assert.equal(status, tonumber(text:match "(%d+)\n$"), line .. text)
    end
    assert.truthy(cli.sh("%s --help", install)
      :match "^usage: install LIST%.%.%.\n")
  end)
end)

describe("a resume in an environment that takes a grant away", function()
  it("is refused, and leaves the run as it was", function()
    cli.environment()
    cli.book("deploy.release { version = 'v1' }\n"
      .. "wait.sleep { seconds = 1 }\nflag.set { flag = 'new', on = false }",
      'runbook { service = "shop", summary = "t", '
      .. 'uses = { "deploy.release", "wait.sleep", "flag.set" } }\n')
    cli.killed_at("wait.sleep", "runbooks/book.lua --yes")
    local before = cli.journal()
    local file = cli.read "runbooks/environments/lab.lua"
    cli.write("runbooks/environments/lab.lua", (file:gsub('"%* %*"',
      '"deploy.release shop", "wait.sleep"')))
    local result = cli.run "resume last --environment lab"
    assert.equal(7, result.status, result.all)
    assert.truthy(result.err:find("flag.set", 1, true), result.err)
    assert.truthy(result.err:match('add "flag.set f" to grants', 1), result.err)
    assert.equal(before, cli.journal())
    cli.write("runbooks/environments/lab.lua", file)
    result = cli.run "resume last --environment lab"
    assert.equal(0, result.status, result.all)
  end)
end)
