-- Nothing is lost: kill -9 at every point of a run, then `rbrun resume`. The
-- walks themselves are tests/crash/*.py; one process of it a part.

local crash = require "tests.crash.part"

describe("a run that is killed with -9", function()
  it("at every file operation and every moment", function()
    crash.part "kill"
  end)

  it("at every one of them while it undoes", function()
    crash.part "kill-undo"
  end)

  it("with the machine: what was not flushed is gone", function()
    crash.part "power-cut"
  end)

  it("in the middle of an effect", function()
    crash.part "kill-inside"
  end)

  it("again while it is resumed", function()
    crash.part "kill-resumed"
  end)
end)
