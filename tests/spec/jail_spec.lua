-- What a machine without a layer of the jail gets to hear: a kernel that
-- lacks one is played by tests/tools/without.c.

local cli = require "tests.spec.support_cli"

local SANITIZED = cli.sanitized
cli.warned = true
local WITHOUT = cli.build .. "/tests/without "

local function run(layers, arguments)
  local plain = cli.rbrun
  local quoted = cli.quote
  cli.quote = function(text)
    return text == plain and WITHOUT .. layers .. " " .. quoted(text)
      or quoted(text)
  end
  local result = cli.run(arguments)
  cli.quote = quoted
  return result
end

local function warnings(text)
  return select(2, text:gsub("lacks [%l_, ]+ on this machine", ""))
end

describe("a machine that lacks", function()
  before_each(function()
    cli.open()
    cli.environment()
    cli.book "deploy.release { version = 'v1' }"
  end)
  after_each(cli.close)

  for _, layer in ipairs { "seccomp", "no_new_privs", "landlock" } do
    local essential = layer ~= "landlock" or SANITIZED -- which lacks seccomp
    it(layer .. " is named by doctor" .. (essential and ", which fails" or ""),
      function()
        local result = run(layer, "doctor")
        assert.equal(essential and 2 or 0, result.status, result.all)
        assert.truthy(result.out:match((essential and "BAD " or "ok  ")
          .. " jail +.*without [%l_, ]*" .. layer), result.out)
        local said = result.out:find("; seccomp does not need it", 1, true)
        assert.equal(not essential, said ~= nil, result.out)
      end)

    it(layer .. " is warned about once, before a run starts", function()
      local result = run(layer, "runbooks/book.lua --yes --quiet")
      assert.equal(0, result.status, result.all)
      assert.equal(1, warnings(result.err), result.err)
      assert.truthy(result.err:match("^warning: [^\n]*" .. layer), result.err)
      local jail = cli.jq(cli.journal(), 'select(.kind == "started") | .jail')
      assert.is_nil(jail:find(layer, 1, true), jail)
    end)

    it(layer .. " is an event with --json", function()
      local result = run(layer, "plan runbooks/book.lua --json")
      local told = cli.jq(result.out, 'select(.event == "warning") | .message')
      assert.truthy(told:find(layer, 1, true), result.out)
    end)

    for _, command in ipairs { "runbooks/book.lua --yes",
      "plan runbooks/book.lua" } do
      it(layer .. " is refused with --require-jail: " .. command, function()
        local result = run(layer, command .. " --require-jail")
        assert.equal(2, result.status, result.all)
        assert.truthy(result.err:match("lacks [^\n]*" .. layer),
          result.err)
        assert.truthy(result.err:find("production is untouched", 1, true))
        assert.truthy(result.err:find("next:  rbrun doctor", 1, true))
        assert.same({}, cli.runs())
      end)
    end
  end

  for _, layer in ipairs { "seccomp", "landlock" } do
    for _, command in ipairs { "check runbooks/book.lua", "replay last",
      "plan runbooks/book.lua" } do
      it(layer .. " is told of it by " .. command, function()
        assert.equal(0, cli.run("runbooks/book.lua --yes").status)
        local result = run(layer, command)
        assert.equal(0, result.status, result.all)
        assert.equal(1, warnings(result.err), result.err)
        assert.equal(2, run(layer, command .. " --require-jail").status)
      end)
    end
  end

  for _, layer in ipairs { "seccomp", "landlock" } do
    it(layer .. " resumes a run, and none with --require-jail", function()
      cli.book("deploy.release { version = 'v1' } "
        .. "wait.sleep { duration = '2s' }")
      cli.killed_at("wait.sleep", "runbooks/book.lua --yes")
      local before = cli.journal()
      local result = run(layer, "resume last --require-jail")
      assert.equal(7, result.status, result.all)
      assert.truthy(result.err:match("lacks [%l_, ]*" .. layer), result.err)
      assert.equal(before, cli.journal())
      result = run(layer, "resume last")
      assert.equal(0, result.status, result.all)
      assert.equal(1, warnings(result.err), result.err)
    end)
  end

  it("nothing hears nothing, and may require the jail", function()
    local doctor = cli.run "doctor"
    local whole = not doctor.out:find("; without ", 1, true)
    assert.is_false(whole and SANITIZED)
    local result = cli.run "runbooks/book.lua --yes --quiet"
    assert.equal(0, result.status, result.all)
    assert.equal(whole and 0 or 1, warnings(result.err), result.err)
    result = cli.run "runbooks/book.lua --yes --require-jail"
    assert.equal(whole and 0 or 2, result.status, result.all)
    assert.equal(whole and 0 or 1, warnings(result.err)
      + select(2, result.err:gsub("asks for: it lacks", "")), result.err)
  end)
end)
