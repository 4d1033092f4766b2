-- Memory that runs out: tests/starve/run walks over the allocations of each
-- process of rbrun; here some points of every part, one part a step.

local parts = { "commands", "run", "run-from", "run-undo", "resume",
  "drivers", "worker", "worker-loads", "reader" }

describe("without memory", function()
  for _, part in ipairs(parts) do
    it("ends cleanly: " .. part, function()
      local pipe = assert(io.popen("tests/starve/run " .. part
        .. " 2>&1; echo \" $?\""))
      local output, status = pipe:read("a"):match "^(.*) (%d+)\n$"
      pipe:close()
      assert(status == "0", output)
    end)
  end
end)
