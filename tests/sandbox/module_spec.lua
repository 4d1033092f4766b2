-- Modules: require finds the stdlib and files under the runbook's root, which
-- the engine reads without following links out of it, and pins by hash.

local cli = require "tests.spec.support_cli"

local RUN = "run runbooks/book.lua --yes"

before_each(function()
  cli.open()
  cli.environment()
  cli.write("outside.lua", "return { secret = 'x' }")
  cli.sh "mkdir runbooks/lib outside"
  cli.write("outside/a.lua", "return { secret = 'x' }")
end)
after_each(cli.close)

-- A runbook with this at its top; it says what x is.
local function book(top)
  cli.book("finish { as = 'nothing', because = tostring(x) }",
    cli.HEADER .. (top or "local x = require('a').x") .. "\n")
end

-- A row: what is there; a shell command that makes it; status; text that is
-- said; the top of the runbook
local function rows(list)
  for _, row in ipairs(list) do
    it(row[1], function()
      book(row[5])
      cli.sh(row[2])
      local result = cli.run("run runbooks/book.lua --yes", nil, nil)
      assert.equal(row[3], result.status, result.all)
      assert.truthy(result.all:find(row[4], 1, true), result.all)
      assert.falsy(result.all:find("secret", 1, true), result.all)
      if row[3] == 2 then
        assert.truthy(result.err:find("state: refused", 1, true), result.err)
        assert.truthy(result.err:match "next:  [^\n]+\n$", result.err)
      end
    end)
  end
end

local FOUND = ": found"
local A = "echo \"return { x = 'found' }\" >"

describe("a module is found", function()
  rows {
    { "beside the runbook", A .. "runbooks/a.lua", 0, FOUND },
    { "in a folder", A .. "runbooks/lib/a.lua", 0, FOUND,
      "local x = require('lib.a').x" },
    { "by another module", A .. "runbooks/lib/a.lua; echo \"return "
      .. "require 'lib.a'\" >runbooks/b.lua", 0, FOUND,
      "local x = require('b').x" },
    { "once, however often it is asked for", A .. "runbooks/a.lua", 0,
      ": true", "local x = require 'a' == require 'a'" },
    { "in the stdlib before there is a file of the name",
      A .. "runbooks/decide.lua", 0, ": nil",
      "local d = require 'decide' local ok, x = pcall(function() return d.x "
      .. "end) x = nil" },
    { "by a link that stays below the root",
      A .. "runbooks/lib/b.lua; ln -s lib/b.lua runbooks/a.lua", 0, FOUND },
    { "in a folder by a link that stays below the root",
      A .. "runbooks/lib/a.lua; ln -s lib runbooks/other", 0, FOUND,
      "local x = require('other.a').x" },
    { "with bytes in it that are not UTF-8",
      "printf 'return { x = \"found\" } -- \\377\\376\\n' >runbooks/a.lua", 0,
      FOUND },
  }
end)

describe("a module is refused", function()
  rows {
    { "that is not there", "true", 2, "book.lua:3: require \"a\": " },
    { "that is a link out of the root", "ln -s ../outside.lua runbooks/a.lua",
      2, "book.lua:3: require \"a\": module \"a\" leads out of" },
    { "that is an absolute link out of the root",
      "ln -s \"$PWD/outside.lua\" runbooks/a.lua", 2, "leads out of" },
    { "in a folder that is a link out of the root",
      "ln -s ../outside runbooks/out", 2, "leads out of",
      "local x = require('out.a').x" },
    { "behind two links, the second of which leads out",
      "ln -s ../../outside runbooks/lib/out; "
      .. "ln -s lib/out/a.lua runbooks/a.lua", 2, "leads out of" },
    { "in a folder whose name begins like the root's",
      "mkdir runbooks-more; cp outside.lua runbooks-more/a.lua; "
      .. "ln -s ../runbooks-more/a.lua runbooks/a.lua", 2, "leads out of" },
    { "that is a file of the system's", "ln -s /etc/passwd runbooks/a.lua", 2,
      "leads out of" },
    { "that is a device", "ln -s /dev/zero runbooks/a.lua", 2,
      "leads out of" },
    { "that is what the engine has open", "ln -s /proc/self/fd/0 "
      .. "runbooks/a.lua", 2, "require \"a\": " },
    { "that is a link to itself", "ln -s a.lua runbooks/a.lua", 2,
      "book.lua:3: require \"a\": " },
    { "that is a link to nothing", "ln -s nothing.lua runbooks/a.lua", 2,
      "book.lua:3: require \"a\": there is no file runbooks/a.lua\n" },
    { "that is a pipe", "mkfifo runbooks/a.lua", 2, "is not a file" },
    { "that is a folder", "mkdir runbooks/a.lua", 2, "is not a file" },
    { "that is bytecode", "printf '\\033LuaT' >runbooks/a.lua", 2,
      "attempt to load a binary chunk" },
    { "that is too large", "head -c 300000 /dev/zero >runbooks/a.lua", 2,
      "runbooks/a.lua is larger than 262144 bytes" },
    { "with an error of syntax", "printf 'local y = 1\\nreturn = y\\n' "
      .. ">runbooks/a.lua", 2, "a.lua:2: unexpected symbol near '='" },
    { "with an error when it runs", "printf 'local y = 1\\nerror(\"no\")\\n' "
      .. ">runbooks/a.lua", 2, "a.lua:2: no" },
    { "that requires itself over another", "echo \"\nreturn require 'b'\" "
      .. ">runbooks/a.lua; echo \"return require 'a'\" >runbooks/b.lua", 2,
      "b.lua:1: modules require each other: a -> b -> a" },
    { "that gives back nothing", "echo 'local y = 1' >runbooks/a.lua", 2,
      "book.lua:3: require \"a\": a.lua returns nothing" },
    { "with a path for its name", "true", 2,
      "book.lua:3: require \"../outside\": a module's name is made of",
      "local x = require '../outside'" },
  }
end)

describe("a module's text", function()
  local function changes(command)
    book()
    cli.sh(A .. "runbooks/a.lua")
    local first = cli.run(command)
    cli.sh "echo \"return { x = 'other' }\" >runbooks/a.lua"
    return first
  end

  it("is pinned in the journal by its hash", function()
    book()
    cli.sh(A .. "runbooks/a.lua")
    assert.equal(0, cli.run(RUN).status)
    local hash = cli.sh "sha256sum <runbooks/a.lua":match "%x+"
    assert.equal("a a.lua " .. hash, cli.jq(cli.journal(),
      "select(.kind == \"started\") | .modules[] | "
      .. "\"\\(.name) \\(.file) \\(.sha256)\""))
    assert.equal(cli.read "runbooks/a.lua", cli.read("state/runs/"
      .. cli.runs()[1] .. "/program/" .. hash .. ".lua"))
  end)

  it("is part of what a plan was made of", function()
    local plan = changes "plan runbooks/book.lua"
    local id = plan.all:match "Plan (%x+)" or plan.all:match "plan (%x+)"
    assert.truthy(id, plan.all)
    local run = cli.run(RUN .. " --plan " .. id)
    assert.equal(6, run.status, run.all)
    assert.falsy(run.all:find(": other", 1, true), run.all)
  end)

  it("is the stored one in a replay", function()
    assert.equal(0, changes(RUN).status)
    local replay = cli.run("replay " .. cli.runs()[1])
    assert.equal(0, replay.status, replay.all)
    assert.falsy(replay.all:find("other", 1, true), replay.all)
  end)

  it("is compared with its hash when it is read again", function()
    assert.equal(0, changes(RUN).status)
    cli.sh("cd state/runs/*/program && chmod u+w * && for f in *; do "
      .. "echo 'return 5' >$f; done")
    local replay = cli.run("replay " .. cli.runs()[1])
    assert.are_not.equal(0, replay.status)
    assert.truthy(replay.all:find("differs from its hash in the journal", 1,
      true), replay.all)
  end)
end)
