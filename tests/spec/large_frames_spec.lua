-- Bursts of a worker that no single read brings whole: the engine must go on
-- reading, not wait for a frame that it has the half of.
local C = require "tests.spec.support_cli"

describe("a burst larger than one read", function()
  before_each(function()
    C.open()
    C.environment()
  end)
  after_each(C.close)

  local rows = {
    { "of one call", [[
      local value, err = metric.query { expr = ("v"):rep(300000) }
      log("%s %s", value, err.outcome)]], "nil no_data" },
    { "of many logs", [[
      for i = 1, 100 do log(("x"):rep(4000)) end
      log("%s", metric.query { expr = "errors" }.value)]], "0.2" },
    { "of many tasks", [[
      local branches = {}
      for i = 1, 40 do
        branches[i] = function()
          return metric.query { expr = ("v"):rep(9000) .. i }
        end
      end
      local _, errors = parallel(branches)
      log("%d", #errors)]], "40" },
  }
  for _, row in ipairs(rows) do
    it(row[1] .. " is taken", function()
      C.book(row[2])
      local r = C.run("run --yes --confirm=lab runbooks/book.lua")
      assert.equal(0, r.status, r.all:sub(-600))
      assert.truthy(r.all:find(row[3], 1, true), r.all:sub(-600))
    end)
  end
end)
