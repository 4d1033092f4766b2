-- A worker that has turned against its engine: what it says out of order,
-- what it asks for without leave, how it floods, hangs, dies and lies, and
-- the system calls it tries out of its jail. Each row is a whole run.
local H = require "tests.spec.support.hostile"
local C = H.cli

local function script_of(stage, lines, mode)
  local script = H.upto(stage, mode)
  for _, line in ipairs(type(lines) == "table" and lines or { lines }) do
    script[#script + 1] = line
  end
  return script
end

-- One run. row: name, stage, lines, exit status, what is said; journal: a
-- text that the journal must hold.
local function check(row)
  local seen = H.run(script_of(row[2], row[3]))
  assert.is_nil(H.wrong(seen), seen.all)
  assert.are.equal(row[4], seen.status, seen.all)
  assert.truthy(seen.all:find(row[5], 1, true), seen.all)
  local held = row.journal or '"verdict":"violation"'
  assert.truthy(seen.journal:find(held, 1, true), seen.journal)
  return seen
end

local function each(rows)
  for _, row in ipairs(rows) do
    it(row[1], function()
      check(row)
    end)
  end
end

local function log(text)
  return H.frame("EVENT", { kind = "log", text = text })
end

local WAIT = H.frame("WAIT", {}, 1)
local LOADED = H.frame("LOADED", H.LOADED, 1)

describe("out of order", function()
  setup(H.open)
  teardown(H.close)

  each {
    { "a call before it is loaded", "start", H.frame("CALL", H.READ, 1, 1), 2,
      "its CALL frame came while it loads" },
    { "an event before it is loaded", "start", log "x", 2,
      "its EVENT frame came while it loads" },
    { "an end before it is loaded", "start", H.frame("DONE", H.DONE, 1), 2,
      "its DONE frame came while it loads" },
    { "waiting before it is loaded", "start", WAIT, 2,
      "its WAIT frame came while it loads" },
    { "loaded twice at once", "start", { LOADED, LOADED }, 2,
      "more behind its LOADED frame" },
    { "an end that does not wait for RUN", "start",
      { LOADED, H.frame("DONE", H.DONE, 1) }, 2,
      "more behind its LOADED frame" },
    { "a call that does not wait for RUN", "start",
      { LOADED, H.frame("CALL", H.READ, 1, 1) }, 2,
      "more behind its LOADED frame" },
    { "a module, and one more at once", "start",
      { H.frame("MODULE", { name = "a" }, 1),
        H.frame("MODULE", { name = "b" }, 1) }, 2,
      "more behind its MODULE frame" },
    { "loaded once more instead of running", "loaded", LOADED, 2,
      "its LOADED frame is not due" },
    { "failing to load after it was loaded", "loaded",
      H.frame("FAIL", { message = "x" }, 1), 2,
      "its FAIL frame is not due" },
    { "a module while it runs", "written",
      H.frame("MODULE", { name = "a" }, 1), 7,
      "its MODULE frame is not due" },
    { "waiting for nothing", "loaded", WAIT, 2,
      "nothing that it asked for is open" },
    { "waiting for nothing, after a write", "written", WAIT, 7,
      "nothing that it asked for is open" },
    { "an event, then waiting for nothing", "written",
      H.frame("EVENT", { kind = "log", text = "x" }, 1), 7,
      "nothing that it asked for is open" },
    { "a call behind the frame with which it waits", "loaded",
      { H.frame("CALL", H.READ, 1, 1), H.frame("CALL", H.READ, 1, 2) }, 2,
      "it sent more behind the frame" },
    { "waiting twice", "loaded", { H.frame("CALL", H.READ, 1, 1), WAIT }, 2,
      "it sent more behind the frame" },
    { "half a header behind the frame with which it waits", "loaded",
      { H.frame("CALL", H.READ, 1, 1), "raw 02000000" }, 2,
      "it sent more behind the frame" },
    { "an end while its call is open", "read",
      { H.frame("CALL", H.WRITE, 0, 2), H.frame("DONE", H.DONE, 1) }, 2,
      "it ends while a call is open" },
    { "an end, and one more", "read",
      { H.frame("DONE", H.DONE, 1), H.frame("DONE", H.DONE, 1) }, 2,
      "it sent more behind the frame" },
    { "an end, and a call behind it", "read",
      { H.frame("DONE", H.DONE, 1), H.frame("CALL", H.WRITE, 1, 2) }, 2,
      "it sent more behind the frame" },
    { "an end, and a log line behind it", "written",
      { H.frame("DONE", H.FAILED, 1), log "x" }, 7,
      "it sent more behind the frame" },
    { "a call that was given up, given up again", "loaded",
      { H.frame("CALL", H.READ, 0, 1),
        H.frame("CANCEL", { calls = { 1 } }),
        H.frame("CANCEL", { calls = { 1 } }), WAIT }, 2,
      "gives up call 1, which is not open" },
    { "going on behind an undo step", "written",
      { H.frame("CALL", H.BACK, 1, 3), H.take "RESULT",
        H.frame("CALL", H.READ, 1, 4) }, 7,
      "it goes on where only undo steps may" },
    { "a step behind an undo step", "written",
      { H.frame("CALL", H.BACK, 1, 3), H.take "RESULT",
        H.frame("EVENT", { kind = "step", name = "x", state = "begin" }) }, 7,
      "it goes on where only undo steps may" },
    { "an undo step registered while one runs", "written",
      { H.frame("CALL", H.BACK, 1, 3), H.take "RESULT",
        H.frame("EVENT", H.with(H.REGISTER, { id = 2 })) }, 7,
      "registered while undo steps run" },
    { "success after an undo step", "written",
      { H.frame("CALL", H.BACK, 1, 3), H.take "RESULT",
        H.frame("DONE", H.DONE, 1) }, 7,
      "an end that this run cannot have" },
    { "undo steps, the oldest first", "written",
      { H.frame("EVENT", H.with(H.REGISTER, { id = 2 })),
        H.frame("CALL", H.BACK, 1, 3), H.take "RESULT",
        H.frame("CALL", H.with(H.BACK, { undo = 2 }), 1, 4) }, 7,
      "undo step 2 behind step 1" },
    { "undo steps behind what tells people", "written",
      { H.frame("EVENT", H.with(H.REGISTER, { id = 2, tells = true })),
        H.frame("CALL", H.with(H.BACK, { undo = 2 }), 1, 3),
        H.take "RESULT", H.frame("CALL", H.BACK, 1, 4) }, 7,
      "undo step 1 behind step 2" },
  }
end)

describe("without leave", function()
  setup(function()
    H.open()
    H.environment(nil, nil, '"deploy.* *", "command.* *"')
  end)
  teardown(H.close)

  local function call(verb, args)
    return H.frame("CALL", H.with(H.READ, { verb = verb, args = args }), 1, 2)
  end

  each {
    { "a verb that is not granted", "read",
      call("flag.set", { flag = "new", on = false }), 2,
      "flag.set on f is not granted to book.lua",
      journal = '"ended":"broken"' },
    { "the same after a write", "written",
      H.frame("CALL", H.with(H.WRITE, { verb = "flag.set",
        args = { flag = "new", on = false } }), 1, 3), 7,
      "flag.set on f is not granted to book.lua",
      journal = '"ended":"broken"' },
    { "a write that the plan did not foresee", "read",
      call("deploy.release", { target = "shop", version = "v9" }), 6,
      "a write that the approved plan did not foresee",
      journal = '"what":"held"' },
    { "a reference to a secret as a version", "read",
      call("deploy.release", { target = "shop",
        version = "env:HOSTILE_SECRET" }), 6,
      "a write that the approved plan did not foresee",
      journal = '"what":"held"' },
  }

  -- A mistake in a call's arguments is answered; here the worker then ends.
  local function mistaken(name, args, says)
    it(name, function()
      check { name, "read", { H.frame("CALL", H.with(H.WRITE, { args = args }),
        1, 2), H.take "RESULT", H.frame("DONE", H.with(H.FAILED, { undone = 0,
        error = { message = "x" } }), 1) }, 1, says, journal = '"misuse":' }
    end)
  end
  mistaken("arguments of another name", { target = "shop", to = "v1" }, "x")
  mistaken("arguments of another type", { target = "shop", version = 1 }, "x")
  mistaken("no arguments", {}, "x")
  mistaken("a system that is none", { target = "bank", version = "v1" }, "x")
  mistaken("a secret as the system", { target = "env:HOSTILE_SECRET",
    version = "v1" }, "x")
end)

describe("flooding", function()
  setup(function()
    H.open()
    H.environment(nil, "limits = { log = 20000, output = 1048576, wall = 1, "
      .. "calls = 300 },")
  end)
  teardown(H.close)

  local function flood(name, document, flags, call)
    return (H.frame(name, document, flags, call):gsub("^frame", "flood"))
  end
  local LONG = ("x"):rep(4000)

  each {
    { "with WAIT", "read", flood("WAIT", {}, 1), 2, "the worker was ended" },
    { "with log lines", "read", flood("EVENT", { kind = "log", text = LONG }),
      2, "log", journal = '"limit":"log"' },
    { "with log lines after a write", "written",
      flood("EVENT", { kind = "log", text = LONG }), 7, "log",
      journal = '"limit":"log"' },
    { "with steps", "read", flood("EVENT", { kind = "step", name = LONG,
      state = "begin" }), 2, "output", journal = '"limit":"output"' },
    { "with decisions", "read", flood("EVENT", { kind = "decision",
      action = "x", because = LONG, rules = H.list {} }), 2, "output",
      journal = '"limit":"output"' },
    { "with calls in one burst", "read", flood("CALL", H.READ, 0, 2), 2,
      "more than 256 calls at a time" },
    { "with zero bytes", "read", "zeros 100000000", 2, "unknown type 0" },
    { "with modules", "start", flood("MODULE", { name = "a" }, 1), 2,
      "more behind its MODULE frame" },
    { "a byte at a time", "read",
      "drip 60ea00000000000008000000000000007b", 2, "wall",
      journal = '"limit":"wall"' },
    { "by hanging", "read", "hang", 2, "wall", journal = '"limit":"wall"' },
    { "by hanging after a write", "written", "hang", 7, "wall",
      journal = '"limit":"wall"' },
  }

  it("with one module after the other", function()
    local lines = {}
    for _ = 1, 257 do
      lines[#lines + 1] = H.frame("MODULE", { name = "missing" }, 1)
      lines[#lines + 1] = H.take "SOURCE"
    end
    check { "", "start", lines, 2, "asks for more than 256 modules" }
  end)

  it("with calls one after the other", function()
    local lines = {}
    for call = 2, 301 do
      lines[#lines + 1] = H.frame("CALL", H.READ, 1, call)
      lines[#lines + 1] = H.take "RESULT"
    end
    check { "", "read", lines, 2, "calls", journal = '"limit":"calls"' }
  end)
end)

it("a worker that does not read is not waited for", function()
  H.open()
  -- Its answer is larger than a socket takes.
  C.environment(([[ deploy = { shop = { driver = "memory", version = "%s" } },
    command = { slow = { driver = "command", argv = { "/bin/true" } } }, ]])
    :format(("v"):rep(200000)))
  check { "", "loaded", { H.frame("CALL", H.READ, 1, 1), "hang" }, 2,
    "it did not end" }
  H.close()
end)

describe("lying about the end", function()
  setup(H.open)
  teardown(H.close)

  local done, failed = H.frame("DONE", H.DONE, 1), H.frame("DONE", H.FAILED, 1)
  each {
    { "success, and exit status 1", "read", { done, "exit 1" }, 2,
      "crashed (exit status 1)", journal = '"verdict":"crash"' },
    { "success, and exit status 13", "read", { done, "exit 13" }, 2,
      "broke out of its rules" },
    { "success, and killed", "read", { done, "die 9" }, 2, "killed",
      journal = '"verdict":"crash"' },
    { "success, and a crash", "read", { done, "die 11" }, 2,
      "crashed (signal 11)", journal = '"verdict":"crash"' },
    { "success, and a forbidden call", "read",
      { done, "jail", "forbidden getpid" }, 2, "forbidden system call" },
    { "failure with everything undone, and a crash", "written",
      { failed, "die 6" }, 7, "crashed (signal 6)",
      journal = '"verdict":"crash"' },
    { "no word, and exit status 0", "read", "exit 0", 2,
      "it ended without saying how" },
    { "no word, and exit status 0 after a write", "written", "exit 0", 7,
      "it ended without saying how" },
    { "a limit that was not reached", "read", "exit 10", 2,
      "limit", journal = '"limit":"instructions"' },
    { "an exit status that is none", "read", "exit 77", 2,
      "crashed (exit status 77)", journal = '"verdict":"crash"' },
  }

  it("is not taken from the shared page", function()
    local page = "page 4000000000 1b5b324a1b5d303b780720ff"
    local seen = check { "", "written", { page, WAIT }, 7,
      "nothing that it asked for is open" }
    assert.truthy(seen.err:find("\\x1b[2J", 1, true), seen.err)
    check { "", "read", { page, "exit 10" }, 2, "limit",
      journal = '"limit":"instructions"' }
  end)

  it("says an error with escape sequences, harmlessly", function()
    check { "", "read", H.frame("DONE", H.with(H.FAILED, { undone = 0,
      error = { message = "\27[2J\27]0;x\7\r\nstate: all is well",
        excerpt = "\27[31m", file = "\27c", line = 1 } }), 1), 1, "x",
      journal = "x1b[2J" }
  end)

  it("tells a story with escape sequences, harmlessly", function()
    local evil = "\27[2J\27]0;x\7\r\u{9b}2J\u{202e}"
    local function event(fields)
      return H.frame("EVENT", fields)
    end
    local seen = check { "", "registered", { log(evil),
      event { kind = "step", name = evil, state = "begin" },
      event { kind = "decision", action = evil, because = evil,
        rules = { { rule = evil, verdict = "yes", value = evil } } },
      event { kind = "undo", id = 2, what = evil },
      event { kind = "undo", id = 3, what = evil, tells = true },
      H.frame("CALL", H.with(H.READ, { step = evil }), 1, 2),
      H.take "RESULT", H.frame("DONE", H.with(H.DONE, {
        result = { as = "nothing", because = evil } }), 1) }, 0, "nothing",
      journal = "u001b[2J" }
    for _, command in ipairs { "show ", "replay ", "history " } do
      local said = C.run(command .. seen.run, "HOSTILE_SECRET=" .. H.SECRET)
      assert.is_nil(said.all:find "[\0-\8\11-\31\127]", said.all)
      assert.is_nil(said.all:find("\u{9b}", 1, true), said.all)
      assert.is_nil(said.all:find("\u{202e}", 1, true), said.all)
    end
  end)
end)

describe("a write that is under way", function()
  setup(H.open)
  teardown(H.close)

  it("is followed to its end when its worker is ended", function()
    H.environment "sleep 0.2"
    local seen = check { "", "writing", "raw ff", 7, "it sent more behind" }
    assert.truthy(seen.journal:find(
      '"kind":"result","answer":{"ok":{"output":"","seconds":', 1, true),
      seen.journal)
  end)

  it("is in doubt when nobody can tell how it ended", function()
    H.environment "sleep 0.2; kill -9 $$"
    local seen = H.run(script_of("writing", "raw ff"))
    assert.is_nil(H.wrong(seen), seen.all)
    assert.are.equal(8, seen.status, seen.all)
    assert.truthy(seen.journal:find('"what":"in doubt"', 1, true),
      seen.journal)
  end)

  it("that has not left does not leave", function()
    local seen = check { "", "read", { H.frame("CALL", H.WRITE, 0, 2),
      "raw ffffffffffffffffffffffffffffffff" }, 2, "the worker was ended" }
    assert.is_nil(C.read "world.json")
    assert.truthy(seen.journal:find("given up before it was sent", 1, true)
      or not seen.journal:find('"call":2,"effect":"write"', 1, true))
  end)
end)

describe("an undo step", function()
  setup(H.open)
  teardown(H.close)

  each {
    { "in which the worker breaks its rules", "written",
      { H.frame("CALL", H.BACK, 1, 3), H.take "RESULT",
        "raw ffffffffffffffffffffffffffffffff" }, 7, "the worker was ended" },
    { "in which it dies", "written",
      { H.frame("CALL", H.BACK, 1, 3), H.take "RESULT", "die 11" }, 7,
      "crashed (signal 11)", journal = '"verdict":"crash"' },
  }
end)

describe("behind STOP", function()
  setup(H.open)
  teardown(H.close)

  -- The write under way is let finish; STOP comes instead of the next answer.
  local function stopped(stage, lines)
    local call = stage == "read" and 2 or 3
    local all = { H.frame("CALL", H.SLOW, 1, call), "await @/slow",
      "engine 2", H.take "RESULT", H.frame("CALL", H.READ, 1, call + 1),
      H.take "STOP" }
    for _, line in ipairs(lines) do
      all[#all + 1] = line
    end
    return all
  end

  local REST = { H.frame("CALL", H.READ, 1, 4) }
  each {
    { "a call as if nothing had been said", "read", stopped("read", REST), 7,
      "it goes on where only undo steps may" },
    { "success", "read", stopped("read", { H.frame("DONE", H.DONE, 1) }), 7,
      "an end that this run cannot have" },
    { "an undo step that is registered now", "read", stopped("read",
      { H.frame("EVENT", H.REGISTER) }), 7, "registered while undo steps run" },
    { "undo steps that did not run", "written", stopped("written",
      { H.frame("DONE", { ended = "stopped", because = "interrupt",
        undone = 0, undo_failed = 0 }, 1) }), 7, "do not add up" },
    { "silence, and a good exit", "written", stopped("written",
      { "exit 0" }), 7, "it ended without saying how" },
  }
end)

describe("a run that is resumed", function()
  local id

  -- The engine is killed behind a completed write.
  local function begin()
    H.open()
    id = H.run(script_of("written", { "engine 9", "hang" })).run
    assert.truthy(id)
  end
  setup(begin)
  teardown(H.close)

  local function resumed(name, lines, says, command, status)
    it(name, function()
      local before = C.journal(id)
      local seen = H.run(lines, (command or "resume ") .. id)
      assert.is_nil(H.wrong(seen), seen.all)
      assert.are.equal(status or 7, seen.status, seen.all)
      assert.truthy(seen.all:find(says, 1, true), seen.all)
      if command then
        assert.are.equal(before, C.journal(id))
      end
    end)
  end

  -- Nothing of these is journaled: another worker may still go on.
  resumed("replays with a worker that makes another call",
    script_of("loaded", H.frame("CALL", H.SLOW, 1, 1)), "call 1", "replay ",
    70)
  resumed("replays with a worker that sends garbage",
    script_of("loaded", "zeros 16"), "recorded", "replay ", 70)
  resumed("goes on with a worker that makes another call",
    script_of("loaded", H.frame("CALL", H.SLOW, 1, 1)), "call 1")
  resumed("goes on with a worker that sends garbage",
    script_of("loaded", "zeros 16"), "unknown type 0")
  resumed("goes on with a worker of another service", script_of("start",
    H.frame("LOADED", H.with(H.LOADED, { header = H.with(H.LOADED.header,
      { service = "bank" }) }), 1)), "another one than before")
  resumed("goes on with a worker that breaks its rules behind the journal",
    script_of("written", WAIT), "nothing that it asked for is open")

  it("has ended then", function()
    assert.truthy(C.journal(id):find('"verdict":"violation"', 1, true))
    local seen = H.run({ "at run live" }, "resume " .. id)
    assert.are.equal(2, seen.status, seen.all)
    assert.truthy(seen.err:find("has ended", 1, true), seen.err)
  end)
end)

describe("before there is a run", function()
  setup(H.open)
  teardown(H.close)

  local function refused(name, lines, says)
    it(name, function()
      local seen = H.run(lines)
      assert.is_nil(H.wrong(seen), seen.all)
      assert.are.equal(2, seen.status, seen.all)
      assert.truthy(seen.err:find(says, 1, true), seen.err)
      assert.truthy(seen.err:find("state: refused; production is untouched",
        1, true), seen.err)
      assert.is_nil(seen.run)
    end)
  end

  refused("a plan's worker sends garbage", script_of("start", "raw ff",
    "plan"), "the worker")
  refused("a plan's worker sends a frame that is not due", script_of("read",
    WAIT, "plan"), "nothing that it asked for is open")
  refused("a plan's worker lies about its end", script_of("read",
    H.frame("DONE", H.FAILED, 1), "plan"), "do not add up")
  refused("a plan's worker shows undo steps that are none", script_of("read",
    { H.frame("DONE", H.DONE, 1), H.take "UNDO",
      H.frame("DONE", { ended = "finished", undone = 3, undo_failed = 0 },
        1) }, "plan"), "do not add up")
  refused("a plan's worker ends without a word", script_of("read", "exit 0",
    "plan"), "it ended without saying how")
  refused("an environment's worker sends garbage",
    { "at config -", H.take "START", "zeros 16" }, "unknown type 0")
  refused("an environment's worker makes a call", { "at config -",
    H.take "START", H.frame("CALL", H.READ, 1, 1) }, "CALL frame")
  refused("an environment's worker asks for a module", { "at config -",
    H.take "START", H.frame("MODULE", { name = "a" }, 1) }, "MODULE frame")
  refused("an environment's worker sends no table", { "at config -",
    H.take "START", H.frame("LOADED", "[]", 1) }, "returns a table")
  refused("an environment's worker sends a zero byte", { "at config -",
    H.take "START", H.frame("LOADED", '{"name":"a\\u0000b"}', 1) },
    "zero byte")
  refused("an environment's worker ends without a word",
    { "at config -", H.take "START", "exit 0" }, "without saying how")
end)

it("a plan is refused when only the worker of another way is bad", function()
  H.open()
  C.book [[ deploy.release { version = input.to }
    metric.await { expr = "errors", below = 1, within = "1s" } ]]
  C.environment()
  local seen = H.run { "at run plan", H.take "START", LOADED, H.take "RUN",
    H.frame("CALL", H.with(H.WRITE, { args = { version = "v1" } }), 1, 1),
    H.take "RESULT", H.frame("CALL", H.with(H.READ, { verb = "metric.await",
      args = { expr = "errors", below = 1, within = "1s" } }), 1, 2),
    H.take "RESULT", "skip @/once", WAIT, H.frame("DONE", H.DONE, 1),
    H.take "UNDO", H.frame("DONE", { ended = "finished", undone = 0,
      undo_failed = 0 }, 1) }
  assert.is_nil(H.wrong(seen), seen.all)
  assert.are.equal(2, seen.status, seen.all)
  assert.truthy(C.read "once")
  assert.truthy(seen.err:find("it sent more behind", 1, true), seen.err)
  assert.is_nil(seen.run)
  H.close()
end)

describe("a run whose worker broke its rules", function()
  local seen
  setup(function()
    H.open()
    seen = H.run(script_of("written", WAIT))
  end)
  teardown(H.close)

  local function after(command)
    return C.run(command .. " " .. seen.run,
      "HOSTILE_SECRET=" .. H.SECRET)
  end

  it("is shown with what ended it", function()
    local said = after "show"
    assert.are.equal(0, said.status, said.all)
    assert.truthy(said.out:find("nothing that it asked for is open", 1, true),
      said.out)
    assert.truthy(said.out:find("exit 7", 1, true), said.out)
  end)

  it("replays up to there", function()
    local said = after "replay"
    assert.are.equal(0, said.status, said.all)
  end)

  it("has nothing to resume", function()
    local said = after "resume"
    assert.are.equal(2, said.status, said.all)
    assert.truthy(said.err:find("has ended", 1, true), said.err)
  end)

  it("leaves the lock to the next one", function()
    local said = C.run("run --yes runbooks/book.lua", "HOSTILE_SECRET=x234")
    assert.are.equal(0, said.status, said.all)
  end)
end)

describe("a system call out of the jail", function()
  setup(H.open)
  teardown(H.close)

  local calls = { "openat", "openat2", "socket", "socketpair", "connect",
    "clone", "clone3", "execve", "execveat", "mmap code", "mmap file",
    "mprotect code", "memfd_create", "write 0", "write 1", "write 2",
    "write 4", "writev", "pwrite", "read 0", "readv", "close", "dup", "dup3",
    "fcntl", "ioctl", "sendto", "sendmsg", "recvmsg", "kill the parent",
    "kill its group", "kill all", "tgkill", "pidfd_send_signal", "ptrace",
    "process_vm_readv", "process_vm_writev", "prctl", "seccomp",
    "io_uring_setup", "userfaultfd", "perf_event_open", "bpf", "setrlimit",
    "prlimit64", "getpid", "getppid", "setuid", "unshare", "setsid",
    "getrandom", "clock_gettime", "nanosleep", "rt_sigaction", "rt_sigreturn",
    "shmget", "exit of a thread", "no such call" }
  if io.popen "uname -m":read "l" == "x86_64" then
    for _, name in ipairs { "open", "fork", "vfork", "dup2", "arch_prctl",
      "x32 read", "x32 exit", "32 bits" } do
      calls[#calls + 1] = name
    end
  end

  for i, name in ipairs(calls) do
    it(name, function()
      local stage = i % 8 == 0 and "written" or "read"
      check { name, stage, { "jail", "forbidden " .. name },
        stage == "read" and 2 or 7, "forbidden system call" }
    end)
  end

  it("that is let through would be seen", function()
    check { "", "read", { "jail", "forbidden nothing" }, 2,
      "it ended without saying how" }
  end)
end)
