-- When a worker breaks its rules: while a write is under way, in an undo step,
-- behind STOP, in a run that is resumed or replayed, before there is a run;
-- and what can be done with such a run afterwards.
local H = require "tests.spec.support.hostile"
local C = H.cli
local check, each, script_of = H.check, H.each, H.script

local WAIT = H.frame("WAIT", {}, 1)
local LOADED = H.frame("LOADED", H.LOADED, 1)

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

  each(it, {
    { "in which the worker breaks its rules", "written",
      { H.frame("CALL", H.BACK, 1, 3), H.take "RESULT",
        "raw ffffffffffffffffffffffffffffffff" }, 7, "the worker was ended" },
    { "in which it dies", "written",
      { H.frame("CALL", H.BACK, 1, 3), H.take "RESULT", "die 11" }, 7,
      "crashed (signal 11)", journal = '"verdict":"crash"' },
  })
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
  each(it, {
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
  })
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

describe("a plan's other way", function()
  setup(H.open)
  teardown(H.close)

  it("a plan is refused when only the worker of another way is bad", function()
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
  end)
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
