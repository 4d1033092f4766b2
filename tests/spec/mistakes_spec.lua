-- Mistakes on the command line and in an environment that would otherwise
-- pass in silence, and what is said of them.

local cli = require "tests.spec.support_cli"

local USES = [[runbook { service = "shop", summary = "t", uses = { "*" } }]]

before_each(function()
  cli.open()
  cli.environment()
end)
after_each(cli.close)

-- The body of run starts on line 4.
local function write_book(body, top, header)
  cli.write("runbooks/book.lua", (header or USES) .. "\n" .. (top or "")
    .. "\nfunction run(input)\n" .. (body or "") .. "\nend\n")
end

local function has(result, text)
  assert.truthy(result.all:find(text, 1, true), "no \"" .. text .. "\" in:\n"
    .. result.all)
end

local function refuses(command, settings, ...)
  local result = cli.run(command, settings)
  assert.equal(2, result.status, result.all)
  has(result, "state: refused; production is untouched")
  for _, text in ipairs { ... } do
    has(result, text)
  end
  assert.is_nil(cli.read "world.json")
  assert.same({}, cli.runs())
  return result
end

describe("an environment as a module", function()
  it("is refused, by its name and by a link to it", function()
    cli.sh("mkdir runbooks/policy && ln -s ../environments/lab.lua "
      .. "runbooks/policy/near.lua")
    for _, name in ipairs { "environments.lab", "environments.none",
      "policy.near" } do
      write_book("log(tostring(e.name))", ("local e = require %q"):format(
        name))
      refuses("plan runbooks/book.lua", nil, ("module \"%s\" is below "
        .. "environments/, which no runbook reads"):format(name))
    end
  end)
end)

describe("RBRUN_STATE", function()
  it("must be an absolute path", function()
    cli.book "log('x')"
    local result = cli.run("run runbooks/book.lua --yes", "RBRUN_STATE=rel")
    assert.equal(2, result.status, result.all)
    has(result, "RBRUN_STATE is \"rel\", and must be an absolute path")
    has(result, "next:  export RBRUN_STATE=\"$PWD/rel\"")
  end)
end)

describe("what a memory driver is told to answer", function()
  local function fails(text)
    cli.environment((cli.BINDINGS:gsub("notify = { chat = { ",
      "%0fail = { " .. text .. " }, ")))
    cli.book "notify.send { text = 'x' }"
  end

  for text, wanted in pairs {
    ["[\"notify.sned\"] = \"rejected\""] = "notify.chat.fail: the driver "
      .. "memory has no verb \"notify.sned\" (did you mean \"notify.send\"?)",
    ["[\"notify.send\"] = \"rejcted\""] = "notify.chat.fail: notify.send = "
      .. "\"rejcted\" is no outcome that a call fails with (did you mean "
      .. "\"rejected\"?)",
    ["[\"notify.send\"] = true"] = "is no outcome that a call fails with",
    ["\"rejected\""] = "notify.chat.fail must be a table of outcomes",
  } do
    it("is checked: " .. text, function()
      fails(text)
      refuses("plan runbooks/book.lua", nil, wanted)
    end)
  end

  it("is taken when it is right", function()
    fails "[\"notify.send\"] = \"rejected\""
    local result = cli.run "run runbooks/book.lua --yes"
    has(result, "told to fail by \"fail\"")
  end)
end)

describe("metric.await", function()
  it("needs a bound", function()
    write_book "metric.await { expr = 'errors', within = '5s' }"
    refuses("plan runbooks/book.lua", nil, "book.lua:4: metric.await says "
      .. "neither below nor above")
  end)
end)

-- Each look finds another version: the plan's is "1".
local LOOK = "if deploy.current().version ~= '1' then\n"
  .. "flag.set { flag = 'new', on = false }\nend"

local function looking()
  cli.environment(cli.BINDINGS:gsub("deploy = .-} },?\n", "", 1)
    .. [[deploy = { shop = { driver = "command", release = { "/bin/false" },
      current = { "/bin/sh", "-c",
        "echo x >>../../looks; wc -l <../../looks" } } },]])
end

describe("the next command", function()
  local INPUTS = USES:gsub("uses", "inputs = { to = 'text' }, uses", 1)
  local GIVEN = "runbooks/book.lua --environment lab -i \"to=it's v9\""
  local SAME = "runbooks/book.lua --environment lab --input "
    .. "'to=it'\\''s v9'\n"

  it("has the options that were given", function()
    write_book("deploy.release { version = 'v1' }", nil, INPUTS)
    local result = cli.run("run " .. GIVEN .. " --yes --plan abc")
    assert.equal(6, result.status, result.all)
    has(result, "next:  rbrun plan " .. SAME)
  end)

  it("is there for a write that was not foreseen, too", function()
    looking()
    write_book(LOOK, nil, INPUTS)
    local result = cli.run("run " .. GIVEN .. " --yes")
    assert.equal(6, result.status, result.all)
    has(result, "next: rbrun plan runbooks/book.lua --environment lab "
      .. "--input 'to=it'\\''s v9', then run it again")
  end)

  it("is not too long for its place", function()
    write_book("fail('x')", nil, INPUTS)
    local result = cli.run("plan runbooks/book.lua -e lab -i to="
      .. ("x"):rep(600))
    has(result, "then: rbrun plan runbooks/book.lua --environment lab   (with "
      .. "the same inputs)\n")
  end)
end)

describe("a runbook that fails by itself", function()
  local ITSELF = "next:  the runbook failed by itself at book.lua:4: read it "
    .. "there, then: rbrun plan runbooks/book.lua\n"

  for what, body in pairs {
    ["fail()"] = "fail('no way')",
    ["a nil index"] = "local x = nil; log(x.y)",
    ["an answer that nobody looked at"] =
      "local v = metric.query { expr = 'down' } log(v.value)",
  } do
    it("is said to, by " .. what, function()
      write_book(body)
      refuses("plan runbooks/book.lua", nil, ITSELF)
    end)
  end

  it("is not, when the world did not answer", function()
    write_book "assert(secret.check { secret = 'env:NONE' })"
    refuses("plan runbooks/book.lua", nil, "next:  rbrun doctor "
      .. "--environment ")
  end)
end)

describe("a noun that is not bound", function()
  it("is told where to bind it", function()
    for _, body in ipairs { "http.check {}", "http.check { check = 'a' }" } do
      write_book(body)
      refuses("plan runbooks/book.lua", nil, "next:  runbooks/environments/"
        .. "lab.lua: add NAME = { driver = \"http\", ... } to "
        .. "http = { ... }\n")
    end
  end)
end)

describe("--confirm with another name", function()
  it("is seen before a grant that is missing", function()
    write_book "deploy.release { version = 'v1' }"
    cli.write("runbooks/environments/lab.lua",
      (cli.read "runbooks/environments/lab.lua":gsub("%* %*", "clock.now")))
    local result = refuses("run runbooks/book.lua --confirm=prod", nil,
      "--confirm prod, but this is environment lab")
    assert.is_nil(result.all:find("granted", 1, true), result.all)
  end)
end)

describe("an environment that is taken for a runbook", function()
  it("is told from one", function()
    for _, command in ipairs { "check", "plan", "run --yes" } do
      refuses(command .. " runbooks/environments/lab.lua", nil,
        "runbooks/environments/lab.lua is an environment, not a runbook",
        "next:  rbrun doctor --environment runbooks/environments/lab.lua")
    end
  end)
end)

describe("rbrun show", function()
  before_each(function()
    cli.environment(cli.BINDINGS .. [[command = { slow = { driver = "command",
      argv = { "/bin/sh", "-c", "sleep 0.5; echo v9" } } },]])
  end)

  it("has words for calls that were given up", function()
    write_book("attempt(guard, { every = '50ms', because = 'enough',\n"
      .. "check = function() return not clock.now() end,\n"
      .. "body = function() wait '1m' end })")
    local result = cli.run "run runbooks/book.lua --yes"
    assert.equal(0, result.status, result.all)
    local said = cli.run "show last".out
    assert.truthy(said:match "given up: call %d+\n", said)
    assert.is_nil(said:find("note {", 1, true), said)
  end)

  it("has words for a run that was left", function()
    looking()
    write_book(LOOK)
    local result = cli.run "run runbooks/book.lua --yes"
    assert.equal(6, result.status, result.all)
    local said = cli.run "show last".out
    assert.truthy(said:find("left, to be resumed: exit 6, ", 1, true), said)
    assert.is_nil(said:find("note {", 1, true), said)
  end)

  it("has words for a write in doubt", function()
    write_book "command.run {}"
    cli.killed_at("command.run", "runbooks/book.lua --yes")
    assert.equal(8, cli.run "resume last".status)
    local said = cli.run "show last".out
    assert.truthy(said:find("in doubt: call 1, command.run: command slow "
      .. "has no probe that could tell whether it has run", 1, true), said)
    assert.is_nil(said:find("note {", 1, true), said)
  end)
end)
