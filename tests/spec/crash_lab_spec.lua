-- The crash walk over the main job, in a lab of its own (examples/lab): real
-- servers, real effects. CRASH_FULL=1 takes every file operation, too.

local crash = require "tests.crash.part"

describe("runbooks/api.lua on real servers, killed with -9", function()
  it("at every moment in a chain, and at each step of each write", function()
    crash.part "lab"
  end)
end)
