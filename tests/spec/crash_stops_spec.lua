-- Stopped by a person or the system, once, twice, and killed while it undoes;
-- and two runs that want the same lock.

local crash = require "tests.crash.part"

describe("a run that is stopped", function()
  it("by Ctrl-C: what is under way ends, the rest is undone", function()
    crash.part "interrupt"
  end)

  it("by SIGTERM, with its own exit status", function()
    crash.part "terminate"
  end)

  it("by a second Ctrl-C: it is left, and resume takes it up", function()
    crash.part "interrupt-twice"
  end)

  it("and killed while it undoes: resume goes on undoing", function()
    crash.part "stop-and-kill"
  end)
end)

describe("two runs", function()
  it("at once, and a lock that a killed engine leaves", function()
    crash.part "locks"
  end)
end)
