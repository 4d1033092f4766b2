-- Every frame that the worker must not send, in whole runs: each ends the
-- worker, is named in the journal, and harms nothing. The shapes of frames
-- are gone through field by field in tests/unit/frame_check_test.c.
local H = require "tests.spec.support.hostile"

-- What a run comes to when it is broken off behind each stage.
local STATUS = { start = 2, loaded = 2, read = 2, registered = 2,
  written = 7 }

-- One run with these lines behind a stage; it must end as a violation.
local function attack(stage, lines, says)
  local script = H.upto(stage)
  for _, line in ipairs(type(lines) == "table" and lines or { lines }) do
    script[#script + 1] = line
  end
  local seen = H.run(script)
  assert.is_nil(H.wrong(seen), seen.all)
  assert.are.equal(STATUS[stage], seen.status, seen.all)
  assert.truthy(seen.err:find(says, 1, true), seen.err)
  assert.truthy(seen.journal:find('"verdict":"violation"', 1, true),
    seen.journal)
  assert.truthy(seen.journal:find('"ended":"broken"', 1, true), seen.journal)
end

local function each(rows)
  for _, row in ipairs(rows) do
    it(row[1], function()
      attack(row[2], row[3], row[4])
    end)
  end
end

describe("a header", function()
  setup(H.open)
  teardown(H.close)

  local rows = {}
  local function header(name, fields, says, more)
    rows[#rows + 1] = { name, "written",
      { "raw " .. H.header(fields), more or "raw 7b7d" }, says }
  end
  header("of an empty document", { size = 0 }, "not JSON")
  header("of a document over 1 MiB", { size = (1 << 20) + 1 }, "announces")
  header("of a document of 4 GiB", { size = 0xffffffff }, "announces")
  header("of a body over 64 MiB", { body = (64 << 20) + 1 }, "announces")
  header("of a body", { body = 3 }, "has a body", "raw 7b7d000000")
  header("of type 0", { type = 0 }, "unknown type 0")
  header("of type 15", { type = 15 }, "unknown type 15")
  header("of type 255", { type = 255 }, "unknown type 255")
  header("with flag 2", { flags = 2 }, "unknown flags")
  header("with all flags", { flags = 255 }, "unknown flags")
  header("with byte 10 set", { zero = 1 }, "unknown flags")
  header("with byte 11 set", { zero = 256 }, "unknown flags")
  header("of a WAIT with a number", { call = 3 }, "has the number 3")
  header("of a WAIT that goes on", { flags = 0 }, "does not end its burst")
  for _, name in ipairs { "START", "SOURCE", "RUN", "RESULT", "STOP",
    "UNDO" } do
    header("of " .. name .. ", which is the engine's", { type = H.type[name] },
      name .. " frame is the engine's to send")
  end
  each(rows)

  each {
    { "of a CALL without a number", "read", H.frame("CALL", H.READ, 1, 0),
      "has the number 0" },
    { "of a CALL has the number before", "read",
      H.frame("CALL", H.READ, 1, 1), "call 1, where 2 is due" },
    { "of a CALL that skips a number", "read",
      H.frame("CALL", H.READ, 1, 3), "call 3, where 2 is due" },
    { "of a CALL with the last number there is", "read",
      H.frame("CALL", H.READ, 1, 4294967295), "where 2 is due" },
    { "of an EVENT with a number", "read",
      H.frame("EVENT", { kind = "log", text = "x" }, 0, 2),
      "has the number 2" },
    { "of a CANCEL with a number", "read",
      H.frame("CANCEL", { calls = { 1 } }, 0, 1), "has the number 1" },
    { "of a DONE with a number", "read", H.frame("DONE", H.DONE, 1, 1),
      "has the number 1" },
    { "of a DONE that goes on", "read", H.frame("DONE", H.DONE, 0),
      "does not end its burst" },
    { "of a LOADED with a number", "start", H.frame("LOADED", H.LOADED, 1, 1),
      "has the number 1" },
  }
end)

describe("a frame that is cut off", function()
  setup(H.open)
  teardown(H.close)

  local whole = H.bytes("CALL", H.encode(H.READ), 1, 2)
  local at = { 1, 2, 4, 8, 9, 12, 15, 16, 17, #whole // 2, #whole - 1 }
  for _, size in ipairs(at) do
    it("after " .. size .. " bytes", function()
      attack("read", { H.raw(whole:sub(1, size)), "exit 0" }, "the worker")
    end)
  end

  it("and never goes on is waited for as long as the limit says", function()
    H.environment(nil, "limits = { wall = 1 },")
    local script = H.upto "read"
    script[#script + 1] = H.raw(whole:sub(1, 40))
    script[#script + 1] = "hang"
    local seen = H.run(script)
    H.environment()
    assert.is_nil(H.wrong(seen), seen.all)
    assert.are.equal(2, seen.status, seen.all)
    assert.truthy(seen.journal:find('"limit":"wall"', 1, true), seen.journal)
  end)
end)

describe("a document", function()
  setup(H.open)
  teardown(H.close)

  -- name, document, what is said; sent as an EVENT, so that a good one would
  -- be taken.
  local log = '{"kind":"log","text":"%s"}'
  local rows = {
    { "that is no JSON", "x", "not JSON" },
    { "that is half of one", "{", "not JSON" },
    { "with more behind it", "{}x", "not JSON" },
    { "with a blank before it", " {}", "not canonical" },
    { "with a blank behind it", "{} ", "not canonical" },
    { "with a blank in it", '{"kind": "log","text":"x"}', "not canonical" },
    { "with keys in disorder", '{"text":"x","kind":"log"}', "not canonical" },
    { "with a key twice", '{"kind":"log","kind":"log","text":"x"}',
      "not JSON" },
    { "with a key twice, once escaped",
      '{"kind":"log","text":"x","te\\u0078t":"y"}', "not JSON" },
    { "with NaN", '{"kind":"log","text":NaN}', "not JSON" },
    { "with Infinity", '{"kind":"log","text":Infinity}', "not JSON" },
    { "with a number too large", '{"kind":"log","text":1e999}', "not JSON" },
    { "with an integer too large",
      '{"kind":"log","text":99999999999999999999}', "not JSON" },
    { "with a real that is no shortest", '{"kind":"log","text":1.50}',
      "not canonical" },
    { "33 levels deep", ("["):rep(33) .. ("]"):rep(33), "32 levels" },
    { "100,000 levels deep", ("["):rep(100000), "32 levels" },
    { "with bytes that are no UTF-8", log:format "\xff\xfe", "not JSON" },
    { "with an overlong character", log:format "\xc0\xaf", "not JSON" },
    { "with a surrogate", log:format "\xed\xa0\x80", "not JSON" },
    { "with half a pair of surrogates", log:format "\\ud800", "not JSON" },
    { "with a character beyond Unicode", log:format "\xf4\x90\x80\x80",
      "not JSON" },
    { "with an escape that is not needed", log:format "\\u0041",
      "not canonical" },
    { "with a control character as it is", log:format "\27", "not JSON" },
    { "with a zero byte in a key", '{"a\\u0000b":1}', "not JSON" },
    { "with a zero byte in a text", log:format "a\\u0000b", "zero byte" },
    { "with a zero byte as it is", log:format "a\0b", "not JSON" },
    { "that is a list", "[]", "EVENT frame" },
    { "that is a number", "7", "EVENT frame" },
    { "that is a text", '"log"', "EVENT frame" },
    { "that is nothing", "null", "EVENT frame" },
    { "that is true", "true", "EVENT frame" },
    { "that is empty", "{}", "unknown kind" },
    { "of an unknown kind", '{"kind":"note","text":"x"}', "unknown kind" },
  }
  for _, row in ipairs(rows) do
    it(row[1], function()
      local bytes = H.bytes("EVENT", row[2])
      attack("written", #bytes < 60000 and H.raw(bytes)
        or H.frame("EVENT", row[2]), row[3])
    end)
  end
end)

-- One field of each frame that is wrong in the way that would matter most.
describe("a field", function()
  setup(H.open)
  teardown(H.close)

  local function rows_of(name, stage, base, flags, call, list)
    local rows = {}
    for _, row in ipairs(list) do
      rows[#rows + 1] = { name .. ": " .. row[1], stage,
        H.frame(name, H.with(base, row[2]), flags, call), row[3] }
    end
    each(rows)
  end

  rows_of("CALL", "read", H.READ, 1, 2, {
    { "no verb", { verb = H.null }, "verb is missing" },
    { "a verb that is a number", { verb = 7 }, "verb is not" },
    { "a verb that is none", { verb = "shell.run" }, "which is no verb" },
    { "a verb with an escape sequence", { verb = "\27[2J" },
      "which is no verb" },
    { "a noun", { verb = "deploy" }, "which is no verb" },
    { "a pattern", { verb = "deploy.*" }, "which is no verb" },
    { "an enormous verb", { verb = ("x"):rep(100000) }, "verb is not" },
    { "no arguments", { args = H.null }, "args is missing" },
    { "arguments that are a list", { args = { "shop" } }, "args is not" },
    { "a step that is a table", { step = { "x" } }, "step is not" },
    { "undoing that is a text", { undoing = "yes" }, "undoing is not" },
    { "undoing without a step", { undoing = true }, "or the reverse" },
    { "a step without undoing", { undo = 1 }, "or the reverse" },
    { "a file outside the run", { file = "/etc/passwd" },
      "no file of the run" },
    { "a file with an escape sequence", { file = "\27]0;x\7" },
      "no file of the run" },
    { "a negative line", { line = -1 }, "line is not" },
    { "a line with a fraction", { line = 1.5 }, "line is not" },
    { "an unknown field", { secret = "env:HOSTILE_SECRET" },
      'unknown field "secret"' },
  })
  rows_of("CALL", "written", H.BACK, 1, 3, {
    { "an undo step that was never registered", { undo = 2 },
      "never registered" },
    { "undo step 0", { undo = 0 }, "undo is not" },
    { "undo step -1", { undo = -1 }, "undo is not" },
    { "undo step 1.0", { undo = 1.0 }, "undo is not" },
  })
  rows_of("EVENT", "registered", H.REGISTER, 0, 0, {
    { "an undo step registered twice", {}, "where 2 is due" },
    { "an undo step that skips a number", { id = 3 }, "where 2 is due" },
    { "an undo step without a name", { id = 2, what = "" }, "what is not" },
    { "an enormous undo step", { id = 2, what = ("x"):rep(5000) },
      "what is not" },
    { "tells = false", { id = 2, tells = false }, "tells is not" },
    { "a foreign file", { id = 2, file = "other.lua" }, "no file of the run" },
  })
  rows_of("EVENT", "read", { kind = "log", text = "x" }, 0, 0, {
    { "a log without a text", { text = H.null }, "text is missing" },
    { "a log that is a number", { text = 7 }, "text is not" },
    { "a log line over its size", { text = ("x"):rep(5000) }, "text is not" },
    { "a log with more", { level = "error" }, "unknown field" },
  })
  rows_of("EVENT", "read", { kind = "step", name = "a", state = "begin" }, 0,
    0, {
    { "a step in an unknown state", { state = "undone" }, "state is not" },
    { "a step of an undo that is none", { undo = 9 }, "never registered" },
  })
  rows_of("EVENT", "read", { kind = "decision", action = "go", because = "x",
    rules = { { rule = "r", verdict = "yes" } } }, 0, 0, {
    { "a decision without rules", { rules = H.null }, "rules is missing" },
    { "a rule that is a text", { rules = { "r" } }, "rules[1]: not an obj" },
    { "a rule that says maybe", { rules = { { rule = "r",
      verdict = "maybe" } } }, "verdict is not" },
  })
  rows_of("CANCEL", "read", { calls = { 1 } }, 0, 0, {
    { "a call that is over", {}, "call 1, which is not open" },
    { "a call that was never made", { calls = { 9 } }, "not open" },
    { "a call twice", { calls = { 1, 1 } }, "not open" },
    { "a call that is a text", { calls = { "1" } }, "calls is not" },
    { "call 0", { calls = { 0 } }, "calls is not" },
    { "no call", { calls = H.list {} }, "calls is not" },
    { "no list", { calls = H.null }, "calls is missing" },
  })
  rows_of("DONE", "read", H.DONE, 1, 0, {
    { "an end of no kind", { ended = "recovered" }, "ended is not" },
    { "a result of no kind", { result = { as = "applied" } }, "as is not" },
    { "a result with an escape sequence", { result = { as = "\27[2J" } },
      "as is not" },
    { "no result", { result = H.null }, "cannot have" },
    { "success with an error", { error = { message = "x" } }, "cannot have" },
    { "failure without an error", { ended = "failed", result = H.null },
      "cannot have" },
    { "stopped, and nobody said stop", { ended = "stopped", result = H.null,
      because = "interrupt" }, "cannot have" },
    { "undo steps that never were", { undone = 1 }, "do not add up" },
    { "undo steps that failed, and never were", { undo_failed = 1 },
      "do not add up" },
    { "undo steps below zero", { undone = -1 }, "undone is not" },
    { "as many undo steps as a machine can count",
      { undone = 9223372036854775807 }, "undone is not" },
    { "an enormous reason", { result = { as = "nothing",
      because = ("x"):rep(10000) } }, "because is not" },
    { "more", { exit = 0 }, 'unknown field "exit"' },
  })
  rows_of("DONE", "written", H.FAILED, 1, 0, {
    { "fewer undo steps than were registered", { undone = 0 },
      "do not add up" },
    { "more undo steps than were registered", { undo_failed = 1 },
      "do not add up" },
    { "success with an undo step", { ended = "finished", error = H.null,
      result = { as = "recovered" } }, "do not add up" },
  })
  rows_of("LOADED", "start", H.LOADED, 1, 0, {
    { "no header", { header = H.null }, "header is missing" },
    { "a header that is a list", { header = { "shop" } }, "header is not" },
    { "no run", { has_run = false }, "has_run is not" },
    { "another service", { header = H.with(H.LOADED.header,
      { service = "bank" }) }, "another one than before" },
    { "a service that is a path", { header = H.with(H.LOADED.header,
      { service = "../../x" }) }, "another one than before" },
    { "wider uses", { header = H.with(H.LOADED.header,
      { uses = { "*", "flag.set" } }) }, "another one than before" },
    { "uses that are numbers", { header = H.with(H.LOADED.header,
      { uses = { 1 } }) }, "uses is not" },
    { "an input with an escape sequence", { header = H.with(H.LOADED.header,
      { inputs = { ["\27[2J"] = "text" } }) }, "inputs is not" },
    { "an input that is a table", { header = H.with(H.LOADED.header,
      { inputs = { to = { "text" } } }) }, "inputs is not" },
    { "an objective that is none", { header = H.with(H.LOADED.header,
      { objective = "soon" }) }, "objective is not" },
    { "layers that are one text", { jail = "all" }, "jail is not" },
    { "more", { grants = { "*" } }, "unknown field" },
  })
  rows_of("MODULE", "start", { name = "a" }, 1, 0, {
    { "no name", { name = H.null }, "name is missing" },
    { "an empty name", { name = "" }, "name is not" },
    { "an enormous name", { name = ("a."):rep(5000) }, "name is not" },
    { "more", { file = "/etc/passwd" }, "unknown field" },
  })
  rows_of("FAIL", "start", { message = "no", phase = "load" }, 1, 0, {
    { "no message", { message = H.null }, "message is missing" },
    { "an enormous message", { message = ("x"):rep(100000) },
      "message is not" },
    { "a trace of numbers", { trace = { 1, 2 } }, "trace is not" },
  })
end)
