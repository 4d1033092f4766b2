-- What a person at a terminal sees and types, on a real one (tmux); and what
-- is printed where there is none.

local cli = require "tests.spec.support_cli"


-- tmux, by a server of this spec's own that reads no one's settings.
local function tmux(arguments)
  return cli.sh("env -u TMUX tmux -S %s/tmux -f /dev/null %s 2>&1",
    cli.directory, arguments)
end

local function pause()
  os.execute "sleep 0.05"
end

local screen = {}

--- What the terminal shows, without blank lines at its end.
function screen.text()
  return (tmux "capture-pane -p -J -t s":gsub("%s+$", ""))
end

--- Wait until it shows a text.
function screen.shows(text, seconds)
  local seen
  for _ = 1, (seconds or 10) * 20 do
    seen = screen.text()
    if seen:find(text, 1, true) then
      return seen
    end
    pause()
  end
  error(("no \"%s\" on the screen:\n%s"):format(text, seen), 2)
end

function screen.type(keys)
  tmux("send-keys -t s " .. keys)
end

--- Wait for the end: the exit status, and the screen.
function screen.ends(seconds)
  local seen = screen.shows("<exit ", seconds or 15)
  return tonumber(seen:match "<exit (%d+)>"), seen
end

--- Start rbrun on a terminal of this size.
local function start(arguments, columns, settings)
  local term = (settings or ""):match "TERM=(%w+)" or "screen"
  cli.write("go.sh", ("trap : INT\nTERM=%s\nexport TERM\n%s\n"
    .. "echo \"<exit $?>\"\nexec sleep 60\n"):format(term,
    cli.command(arguments, settings)))
  -- The server of the test before may still be on its way out.
  for _ = 1, 100 do
    tmux(("new-session -d -s s -x %d -y 60 sh %s/go.sh"):format(
      columns or 100, cli.directory))
    if tmux "has-session -t s" == "" then
      return
    end
    pause()
  end
  error "tmux gives no session"
end

local function stop()
  tmux "kill-server"
end

local function world()
  return cli.read "world.json"
end

local function last_line(text)
  return text:match "([^\n]*)\n*$"
end

local SLOW = cli.BINDINGS .. [[command = { slow = { driver = "command",
  argv = { "/bin/sh", "-c", "sleep 1; echo done >>../../slow.txt" } } },
]]

local RUN = "runbooks/book.lua"

before_each(cli.open)
after_each(function()
  stop()
  cli.close()
end)

describe("the question", function()
  before_each(function()
    cli.environment()
    cli.book "deploy.release { version = 'v1' }"
  end)

  it("stands last, below the plan", function()
    start(RUN)
    local seen = screen.shows "to go on:"
    assert.equal("Type the environment's name (lab) to go on:",
      (last_line(seen):gsub("%s+$", "")))
    assert.truthy(seen:find("1. CHANGE  deploy.release shop -> v1", 1, true))
    assert.truthy(seen:find("undo: none", 1, true))
    assert.truthy(seen:find("Not covered:", 1, true))
    assert.is_nil(world())
  end)

  it("takes the environment's name", function()
    start(RUN)
    screen.shows "to go on:"
    screen.type "lab Enter"
    local status, seen = screen.ends()
    assert.equal(0, status, seen)
    assert.truthy(world():find('"version": "v1"', 1, true))
    assert.truthy(seen:find("next: rbrun show", 1, true))
  end)

  for name, keys in pairs {
    ["another name"] = "prod Enter", ["yes"] = "yes Enter",
    ["nothing"] = "Enter", ["the name in other letters"] = "LAB Enter",
    ["the end of input"] = "C-d", ["part of it and the end"] = "la C-d C-d",
  } do
    it("is not agreed to by " .. name, function()
      start(RUN)
      screen.shows "to go on:"
      screen.type(keys)
      local status, seen = screen.ends()
      assert.equal(3, status, seen)
      assert.truthy(seen:find("nothing has been changed", 1, true), seen)
      assert.truthy(seen:find("next:  rbrun run runbooks/book.lua", 1, true))
      assert.is_nil(world())
      assert.same({}, cli.runs())
    end)
  end

  it("is left by Ctrl-C", function()
    start(RUN)
    screen.shows "to go on:"
    screen.type "C-c"
    local status, seen = screen.ends()
    assert.equal(130, status, seen)
    assert.truthy(seen:find("interrupted; nothing has been changed", 1, true))
    assert.is_nil(world())
    assert.same({}, cli.runs())
  end)

  it("is asked with --quiet, too, and then shows its plan", function()
    start(RUN .. " --quiet")
    assert.truthy(screen.shows "to go on:":find("CHANGE", 1, true))
  end)

  it("is not answered by what was typed before", function()
    cli.write("go.sh", ("echo ready; sleep 1; %s; echo \"<exit $?>\"; "
      .. "exec sleep 60\n"):format(cli.command(RUN)))
    tmux(("new-session -d -s s -x 100 -y 60 sh %s/go.sh"):format(
      cli.directory))
    screen.shows "ready"
    screen.type "lab Enter"
    screen.shows "to go on:"
    pause()
    assert.is_nil(screen.text():find("<exit", 1, true))
    screen.type "C-d"
    assert.equal(3, (screen.ends()))
    assert.is_nil(world())
  end)

  it("is not asked where nothing is to change", function()
    cli.book "log('all is well') finish { as = 'nothing', because = 'fine' }"
    start(RUN)
    local status, seen = screen.ends()
    assert.equal(0, status, seen)
    assert.is_nil(seen:find("to go on:", 1, true))
  end)
end)

describe("Ctrl-C", function()
  it("during the plan changes nothing", function()
    cli.environment("http = { slow = { driver = \"http\", "
      .. "url = \"http://127.0.0.1:1/\" } },\n" .. cli.BINDINGS)
    cli.book [[http.check { within = "30s" }
      deploy.release { version = "v1" }]]
    start(RUN)
    screen.shows "http.check"
    screen.type "C-c"
    local status, seen = screen.ends()
    assert.equal(130, status, seen)
    assert.truthy(seen:find("interrupted; nothing has been changed", 1, true))
    assert.is_nil(world())
    assert.same({}, cli.runs())
  end)

  it("during a wait says what it does, and undoes", function()
    cli.environment()
    cli.book [[
      undo("back to v2", function() deploy.release { version = "v2" } end)
      deploy.release { version = "v1" }
      wait.sleep { duration = "60s" }]]
    start(RUN .. " --yes")
    screen.shows "... wait.sleep"
    screen.type "C-c"
    local status, seen = screen.ends()
    assert.equal(130, status, seen)
    assert.truthy(seen:find("stopping: nothing is being written, then "
      .. "1 undo step runs; once more leaves at once", 1, true), seen)
    assert.truthy(seen:find("undo: deploy.release shop -> v2", 1, true), seen)
    assert.truthy(world():find('"version": "v2"', 1, true), world())
  end)

  it("during a write lets it finish, and undoes", function()
    cli.environment(SLOW)
    cli.book [[
      undo("say so", function() flag.set { flag = "new", on = false } end)
      command.run {}
      deploy.release { version = "v1" }]]
    start(RUN .. " --yes")
    screen.shows "... command.run"
    screen.type "C-c"
    screen.shows "stopping: waiting for command.run to finish"
    local status, seen = screen.ends()
    assert.equal(130, status, seen)
    assert.equal("done\n", cli.read "slow.txt")
    assert.truthy(world():find('"new": false', 1, true))
    assert.is_nil(world():find("deploy", 1, true))
  end)

  it("twice leaves at once, and says how to go on", function()
    cli.environment((SLOW:gsub("sleep 1", "sleep 3")))
    cli.book "command.run {} deploy.release { version = 'v1' }"
    start(RUN .. " --yes")
    screen.shows "... command.run"
    screen.type "C-c"
    screen.shows "stopping"
    screen.type "C-c"
    local status, seen = screen.ends()
    assert.equal(130, status, seen)
    assert.truthy(seen:find("in the middle of command.run", 1, true), seen)
    assert.truthy(seen:match "next: rbrun resume %d+%-%w+", seen)
    assert.is_nil(cli.read "slow.txt")
    assert.truthy(cli.run "status".out:find("in doubt", 1, true))
  end)
end)

describe("a write that no plan foresaw", function()
  before_each(function()
    cli.environment(cli.BINDINGS .. [[command = { change = {
      driver = "command", argv = { "/bin/sh", "-c",
        "echo x >../../slow.txt; echo v9" } } },
    ]])
    cli.book [[
      local said = command.run {}
      if said.output:find "v9" then
        deploy.release { version = "v1" }
      end]]
  end)

  it("is asked about again", function()
    start(RUN .. " --yes")
    screen.shows "did not foresee this write"
    assert.equal("Type yes to let it happen, or no:",
      (last_line(screen.shows "let it happen, or no:"):gsub("%s+$", "")))
    screen.type "lab Enter"
    screen.shows "that is neither yes nor no"
    screen.type "yes Enter"
    local status, seen = screen.ends()
    assert.equal(0, status, seen)
    assert.truthy(world():find('"version": "v1"', 1, true))
  end)

  it("does not happen when a person declines", function()
    start(RUN .. " --yes")
    screen.shows "let it happen, or no:"
    screen.type "no Enter"
    local _, seen = screen.ends()
    assert.truthy(seen:find("declined", 1, true), seen)
    assert.is_nil(world())
  end)

  it("says what no does", function()
    start(RUN .. " --yes")
    screen.shows "no: it is not made, and is answered as rejected"
  end)

  for name, keys in pairs { ["the end of input"] = { "C-d" },
    ["three other words"] = { "lab Enter", "Enter", "y Enter" } } do
    it("is not declined by " .. name, function()
      start(RUN .. " --yes")
      screen.shows "let it happen, or no:"
      for i, key in ipairs(keys) do
        screen.type(key)
        for _ = 1, 100 do
          local _, count = screen.text():gsub("neither yes nor no", "")
          if count >= i or #keys == 1 then
            break
          end
          pause()
        end
      end
      local status, seen = screen.ends()
      assert.equal(4, status, seen)
      assert.truthy(seen:find("next: rbrun resume", 1, true), seen)
      assert.is_nil(seen:find("declined", 1, true), seen)
      assert.is_nil(world())
    end)
  end

  it("does not happen on Ctrl-C", function()
    start(RUN .. " --yes")
    screen.shows "let it happen, or no:"
    screen.type "C-c"
    screen.ends()
    assert.is_nil(world())
  end)

  it("waits for a person where nobody can be asked", function()
    local result = cli.run(RUN .. " --yes")
    assert.equal(4, result.status, result.all)
    assert.truthy(result.out:match "next: rbrun resume", result.all)
    assert.is_nil(world())
    start("resume last")
    screen.shows "let it happen, or no:"
    screen.type "yes Enter"
    local status, seen = screen.ends()
    assert.equal(0, status, seen)
    assert.truthy(world():find('"version": "v1"', 1, true))
  end)
end)

describe("a terminal", function()
  local LONG = [[log("before")
    metric.query { expr = "errors" }
    step("a step with quite a long name that goes on and on", function()
      deploy.release { version = "v1", within = "10m", expect = "v2" }
    end)
    wait.sleep { duration = "3s" } ]]

  it("that is narrow is never written past its edge", function()
    cli.environment()
    cli.book(LONG)
    start(RUN .. " --yes", 40)
    screen.shows "... wait.sleep"
    -- One live line, which is drawn over itself.
    local _, seen = screen.ends()
    assert.is_nil(seen:find("...  wait", 1, true), seen)
  end)

  it("may change its size", function()
    cli.environment()
    cli.book(LONG)
    start(RUN .. " --yes", 120)
    screen.shows "... wait.sleep"
    tmux "resize-window -t s -x 30 -y 60"
    pause()
    local status, seen = screen.ends()
    assert.equal(0, status, seen)
  end)

  it("gets colours, unless NO_COLOR or TERM says otherwise", function()
    cli.environment()
    cli.book(LONG)
    for _, case in ipairs {
      { "", true }, { "NO_COLOR=1", false }, { "TERM=dumb", false },
    } do
      start(RUN .. " --yes", 100, case[1])
      local status, seen = screen.ends()
      os.remove(cli.path "world.json")
      assert.equal(0, status, seen)
      local raw = tmux "capture-pane -e -p -t s"
      assert.equal(case[2], raw:find("\27[", 1, true) ~= nil, raw)
      stop()
    end
  end)

  it("that is dumb gets plain lines", function()
    cli.environment()
    cli.book(LONG)
    start(RUN .. " --yes", 100, "TERM=dumb")
    local _, seen = screen.ends()
    assert.is_nil(seen:find("... wait.sleep", 1, true), seen)
    assert.truthy(seen:match "%d%d:%d%d:%d%d  %- wait.sleep 3s", seen)
  end)
end)

describe("a pipe", function()
  it("gets a line a step with its time, and no escape", function()
    cli.environment()
    cli.book "metric.query { expr = 'errors' } deploy.release { version='v1' }"
    local result = cli.run(RUN .. " --yes")
    assert.equal(0, result.status, result.all)
    assert.is_nil(result.all:find("[\27\r]"))
    assert.truthy(result.err:match
      "\n%d%d:%d%d:%d%d  %* deploy.release shop %-> v1  =>  v1 is live",
      result.err)
    assert.truthy(result.err:match
      "\n%d%d:%d%d:%d%d  %- metric.query m: errors  =>  0.2", result.err)
  end)

  it("hears in a long wait that rbrun lives", function()
    cli.environment()
    cli.book "wait.sleep { duration = '11s' }"
    local result = cli.run(RUN .. " --yes")
    assert.truthy(result.err:match "%.%.%. wait.sleep 11s, for 1[01]%.?%d*s",
      result.err)
  end)

  it("gets the result alone with --quiet", function()
    cli.environment()
    cli.book "deploy.release { version = 'v1' } finish { as = 'recovered' }"
    local result = cli.run(RUN .. " --yes --quiet")
    assert.equal("", result.err)
    assert.truthy(result.out:match
      "^run %d+%-%w+ recovered\nnext: rbrun show %d+%-%w+\n$", result.out)
  end)
end)

describe("hostile text", function()
  local EVIL = [["a\27]0;title\7\27[2Jb\nnext: rm -rf /\r\u{202e}c\u{9b}31m"]]

  -- Nothing that a terminal would obey, but for the lines' own ends.
  local function tame(text)
    assert.is_nil(text:find("[%z\1-\8\11-\31\127]"), text)
    assert.is_nil(text:find("\u{202e}", 1, true), text)
    assert.is_nil(text:find("\u{9b}", 1, true), text)
    assert.is_nil(text:find("\nnext: rm", 1, true), text)
  end

  before_each(function()
    cli.environment(cli.BINDINGS .. [[command = { say = { driver = "command",
      argv = { "/usr/bin/printf", "a\\033[2Jb\\n\\342\\200\\256c" } } },
    ]])
    cli.book(([[
      local evil = %s
      log(evil)
      step(evil, function() metric.query { expr = evil } end)
      command.run { args = { evil } }
      pcall(deploy.release, { version = evil })
      notify.send { text = evil, title = evil }
      undo(evil, function() end)
      finish { as = "recovered", because = evil }]]):format(EVIL))
  end)

  it("reaches no pipe raw", function()
    local result = cli.run(RUN .. " --yes")
    assert.equal(0, result.status, result.all)
    tame(result.out)
    tame(result.err)
    for _, command in ipairs { "plan " .. RUN, "show last", "history",
      "status last", "replay last" } do
      tame(cli.run(command).all)
    end
  end)

  it("of an error reaches no pipe raw", function()
    cli.book(("deploy.release { version = 'v1' } error(%s)"):format(EVIL))
    tame(cli.run(RUN .. " --yes").all)
    tame(cli.run "show last".all)
  end)

  it("of an input or a file's name reaches no pipe raw", function()
    tame(cli.run(RUN .. " --yes --input $'x\\033[2Jy=1'").all)
    tame(cli.run "run $'no\\033[2J.lua'".all)
    tame(cli.run "$'\\033[2J'".all)
    tame(cli.run("run --$'\\033[2J'").all)
  end)

  it("reaches no terminal raw", function()
    start(RUN .. " --yes")
    local status, seen = screen.ends()
    assert.equal(0, status, seen)
    -- The screen was not cleared, and the title is tmux's own.
    assert.truthy(seen:find("Plan ", 1, true), seen)
    assert.is_nil(tmux "display -p -t s '#{pane_title}'":find "title")
  end)
end)
