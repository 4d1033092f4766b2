-- File operations that fail or are torn, full disks, programs that changed
-- between crash and resume, workers that die.

local crash = require "tests.crash.part"

describe("a disk", function()
  it("that tears a write", function() crash.part "tear" end)

  it("that fails any operation, or is full from then on", function()
    crash.part "fail"
  end)

  it("that really is full", function() crash.part "full-disk" end)
end)

describe("a changed program", function()
  it("is refused where a recorded call would come out otherwise", function()
    crash.part "drift"
  end)

  it("goes on where it is the same so far; so does an edited file", function()
    crash.part "drift-stories"
  end)
end)

describe("a worker that dies", function()
  it("is reported as what it was", function() crash.part "workers" end)
end)
