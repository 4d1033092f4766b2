-- A worker that has turned against its engine: what it says out of order,
-- what it asks for without leave, how it floods, hangs, dies and lies. Each
-- row is a whole run. hostile_stages_spec.lua has the moments of a run,
-- hostile_jail_spec.lua the system calls.
local H = require "tests.spec.support.hostile"
local C = H.cli
local check, each = H.check, H.each

local function log(text)
  return H.frame("EVENT", { kind = "log", text = text })
end

local WAIT = H.frame("WAIT", {}, 1)
local LOADED = H.frame("LOADED", H.LOADED, 1)

describe("out of order", function()
  setup(H.open)
  teardown(H.close)

  each(it, {
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
  })
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

  each(it, {
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
  })

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

  each(it, {
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
  })

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

describe("not reading", function()
  setup(H.open)
  teardown(H.close)

  it("a worker that does not read is not waited for", function()
    -- Its answer is larger than a socket takes.
    C.environment(([[ deploy = { shop = { driver = "memory", version = "%s" } },
      command = { slow = { driver = "command", argv = { "/bin/true" } } }, ]])
      :format(("v"):rep(200000)))
    check { "", "loaded", { H.frame("CALL", H.READ, 1, 1), "hang" }, 2,
      "it did not end" }
  end)
end)

describe("lying about the end", function()
  setup(H.open)
  teardown(H.close)

  local done, failed = H.frame("DONE", H.DONE, 1), H.frame("DONE", H.FAILED, 1)
  each(it, {
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
  })

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
