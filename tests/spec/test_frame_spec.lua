-- The frame of the tests itself: a check that could not fail would be worth
-- nothing, so each is shown something that is wrong.

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- A command's output, both streams, and its exit status.
local function run(command, ...)
  local pipe = assert(io.popen("{ " .. command:format(...) .. "; } 2>&1"))
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return text, status
end

local function spew(path, text)
  assert(os.execute("mkdir -p " .. quote(path:match "^(.*)/")))
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local BUILD = os.getenv "RBRUN_BUILD" or "build"
local dir

before_each(function()
  dir = run "mktemp -d":gsub("\n", "")
end)

after_each(function()
  os.execute("rm -rf " .. quote(dir))
end)

describe("tests/arrows", function()
  local function arrows(files)
    spew(dir .. "/lua/worker.c", '#include "../core/wire/frame.h"\n')
    spew(dir .. "/core/wire/frame.h", "#include <stddef.h>\n")
    for name, text in pairs(files) do spew(dir .. "/" .. name, text) end
    return run("lua5.4 tests/arrows %s", dir)
  end

  it("takes what is drawn", function()
    local text, status = arrows {
      ["core/engine/call.c"] = '#include "../drivers/driver.h"\n',
      ["core/drivers/driver.h"] = '#include "../wire/frame.h"\n',
      ["core/drivers/pg.c"] = '#include "driver.h"\n#include <libpq-fe.h>\n',
    }
    assert.equal(0, status, text)
  end)

  it("finds a folder that knows one it may not know", function()
    for name, header in pairs {
      ["core/wire/a.c"] = "../engine/run.h",
      ["core/drivers/a.c"] = "../engine/run.h",
      ["core/store/a.c"] = "../drivers/driver.h",
      ["core/cli/a.c"] = "../drivers/driver.h",
      ["core/engine/a.c"] = "../../lua/host.h",
      ["lua/a.c"] = "../core/engine/run.h",
      ["core/other/a.c"] = "../wire/frame.h",
    } do
      local text, status = arrows {
        [name] = ('#  include "%s"\n'):format(header) }
      assert.equal(1, status, name)
      assert.truthy(text:find(name, 1, true), text)
      os.remove(dir .. "/" .. name)
    end
  end)

  it("finds a library where it does not belong, through headers", function()
    local text, status = arrows {
      ["core/engine/call.c"] = '#include "../drivers/pg.h"\n',
      ["core/drivers/pg.h"] = "#include <libpq-fe.h>\n",
      ["core/ui/view.c"] = "#include <lua.h>\n",
      ["lua/host.c"] = "#include <curl/curl.h>\n",
    }
    assert.equal(1, status)
    assert.truthy(text:find("core/engine/call.c reaches libpq", 1, true))
    assert.truthy(text:find("core/ui/view.c reaches Lua", 1, true))
    assert.truthy(text:find("lua/host.c reaches libcurl", 1, true))
  end)

  it("finds a driver file with two libraries", function()
    local text, status = arrows {
      ["core/drivers/both.c"] = '#include "git.h"\n#include <libpq-fe.h>\n',
      ["core/drivers/git.h"] = "#include <git2.h>\n",
    }
    assert.equal(1, status)
    assert.truthy(text:find("libgit2 and libpq", 1, true), text)
  end)
end)

describe("tests/tools/contain", function()
  it("hands on the command's status and output", function()
    assert.same({ "out\n", 3 },
      { run "tests/tools/contain 20 sh -c 'echo out; exit 3'" })
    assert.same({ "", 143 },
      { run "tests/tools/contain 20 sh -c 'kill -TERM $$'" })
  end)

  it("collects orphans meanwhile, as init would", function()
    local text, status = run("tests/tools/contain 20 sh -c '" ..
      "(sleep 0.2 & echo $! >%s/pid); pid=$(cat %s/pid); " ..
      "while kill -0 $pid 2>/dev/null; do sleep 0.05; done'", dir, dir)
    assert.equal(0, status, text)
  end)

  it("waits a moment for those that end by themselves", function()
    local text, status = run("tests/tools/contain 20 sh -c " ..
      "'setsid sleep 0.2 &'")
    assert.equal(0, status, text)
  end)

  it("finds and ends a daemon that was left running", function()
    local text, status = run("tests/tools/contain 20 sh -c " ..
      "'(setsid sh -c \"echo \\$\\$ >%s/pid; exec sleep 50\" &)'", dir)
    assert.equal(125, status)
    assert.truthy(text:find("sleep 50", 1, true), text)
    local _, there = run("kill -0 $(cat %s/pid)", dir)
    assert.equal(1, there)
  end)

  it("ends a command that takes too long, and all below it", function()
    local text, status = run("tests/tools/contain 0.5 sh -c " ..
      "'setsid sleep 50 & echo $! >%s/pid; wait'", dir)
    assert.equal(124, status)
    assert.truthy(text:find("not done after 0.5 s", 1, true), text)
    local _, there = run("kill -0 $(cat %s/pid)", dir)
    assert.equal(1, there)
  end)
end)

describe("tests/tools/contain whose caller is killed", function()
  it("ends the command", function()
    local text, status = run("sh -c 'tests/tools/contain 30 sh -c " ..
      "\"echo \\$\\$ >%s/pid; exec sleep 40\" & " ..
      "until [ -s %s/pid ]; do sleep 0.05; done; kill -9 $$'", dir, dir)
    assert.equal(137, status, text)
    text, status = run("for i in $(seq 100); do " ..
      "kill -0 $(cat %s/pid) || exit 0; sleep 0.1; done; exit 1", dir)
    assert.equal(0, status, text)
  end)
end)

describe("tests/tools/doc_commands", function()
  local function page(text)
    spew(dir .. "/page.md", text)
    return run("tests/tools/doc_commands %s/page.md %s", dir, BUILD)
  end

  it("runs blocks in order, in one shell, in a copy", function()
    local text, status = page [[
# Page
```sh
here=$PWD; mkdir own; cd own
```
Words.
```sh
echo one; echo two 17 s; echo three; echo four
test "$PWD" = "$here/own"
test -x ../build/rbrun; command -v rbrun
```
```output
one
two ... s
...
four
...
```
```sh skip
exit 1
```
```lua
error()
```
```sh fails
rbrun no-such-command
```
```output
...no-such-command...
...
```
]]
    assert.equal(0, status, text)
    assert.truthy(text:find("3 blocks", 1, true), text)
    local _, there = run "test -e own"
    assert.equal(1, there)
  end)

  it("finds a command that fails, in the middle too", function()
    local text, status = page "```sh\nfalse\ntrue\n```\n"
    assert.equal(1, status)
    assert.truthy(text:find("line 1: the block ended with 1", 1, true), text)
    text, status = page "```sh\nfalse | cat\n```\n"
    assert.equal(1, status, text)
    text, status = page "```sh fails\ntrue\n```\n"
    assert.equal(1, status)
    assert.truthy(text:find("should have failed", 1, true), text)
  end)

  it("finds other output than the page says", function()
    for _, output in ipairs { "one\n", "two\none\n", "one\ntwo\nthree\n",
      "o...x\ntwo\n", "...\none\n" } do
      local text, status = page("```sh\necho one; echo two\n```\n" ..
        "```output\n" .. output .. "```\n")
      assert.equal(1, status, output)
      assert.truthy(text:find("another one", 1, true), text)
    end
  end)

  it("finds what a page leaves running", function()
    local text, status = page("```sh\nsleep 50 &\n```\n")
    assert.equal(1, status)
    assert.truthy(text:find("sleep 50", 1, true), text)
    assert.truthy(text:find("still did", 1, true), text)
  end)

  it("refuses a page without commands, or not closed", function()
    for _, text in ipairs { "Words.\n", "```sh\ntrue\n" } do
      local _, status = page(text)
      assert.equal(1, status)
    end
  end)
end)
