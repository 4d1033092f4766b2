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

local function lacks(result, text)
  assert.is_nil(result.all:find(text, 1, true), result.all)
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
