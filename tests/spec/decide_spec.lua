-- The stdlib's decide.
package.path = "tests/spec/support/?.lua;" .. package.path
local drive = require "drive"
local body, last = drive.body, drive.last
local message, logged = drive.message, drive.logged

describe("decide", function()
  local ok = { regression = true, target = { tag = "v1" },
    migrations = { verdict = "compatible", reasons = {} } }
  local function decision(change)
    local given = {}
    for k, v in pairs(ok) do
      given[k] = v
    end
    for k, v in pairs(change) do
      given[k] = v
      if v == "nil" then
        given[k] = nil
      end
    end
    local result = body("local d = decide.release(input) "
      .. "log(d.action)", { input = given }, "local decide = require "
      .. "'decide'")
    assert.are.equal("finished", last(result).ended, result.text)
    for _, frame in ipairs(drive.all(result, "EVENT")) do
      if frame.doc.kind == "decision" then
        return frame.doc.action, frame.doc
      end
    end
  end
  local suspect = { name = "f", on = true, suspect = true }
  local rows = {
    { "a bad release", {}, "rollback" },
    { "a healthy one", { regression = false }, "nothing" },
    { "an unknown state", { regression = "nil" }, "inconclusive" },
    { "a number over the threshold", { regression = "nil",
      errors = { value = 0.5 }, threshold = 0.02 }, "rollback" },
    { "a number under it", { regression = "nil", errors = { value = 0.01 },
      threshold = 0.02 }, "nothing" },
    { "an unknown state and a flag", { regression = "nil", flag = suspect },
      "inconclusive" },
    { "a suspect flag that is on", { flag = suspect }, "mitigate" },
    { "a suspect flag that is off", { flag = { name = "f", on = false,
      suspect = true } }, "rollback" },
    { "a suspect flag of unknown state", { flag = { name = "f",
      suspect = true } }, "rollback" },
    { "an innocent flag", { flag = { name = "f", on = true,
      suspect = false } }, "rollback" },
    { "no migrations", { migrations = { verdict = "none" } }, "rollback" },
    { "a breaking migration", { migrations = { verdict = "incompatible",
      reasons = { "drops a column" } } }, "escalate" },
    { "a breaking migration and a fix", { migrations = {
      verdict = "incompatible" }, hotfix = { tag = "v3" } }, "roll_forward" },
    { "migrations nobody can judge", { migrations = { verdict = "unknown" } },
      "escalate" },
    { "migrations nobody asked for", { migrations = "nil",
      hotfix = { tag = "v3" } }, "roll_forward" },
    { "no target", { target = "nil" }, "escalate" },
    { "no target but a fix", { target = "nil", hotfix = { tag = "v3" } },
      "escalate" },
  }
  for _, row in ipairs(rows) do
    it(("answers %s with %s"):format(row[1], row[3]), function()
      local action, doc = decision(row[2])
      assert.are.equal(row[3], action)
      assert.are.equal(6, #doc.rules)
      assert.truthy(#doc.because > 10)
    end)
  end

  it("does not roll back to a release that would not start", function()
    local function with(verdict, change)
      return decision { hotfix = change and { tag = "v3" } or "nil",
        migrations = { verdict = "compatible", boot = { verdict = verdict,
          because = "alembic refuses", advice = { "bring the file" } } } }
    end
    local action, doc = with "boots"
    assert.are.equal("rollback", action)
    assert.are.equal(7, #doc.rules)
    action, doc = with "fails"
    assert.are.equal("escalate", action)
    assert.are.equal("the older release does not start on the newer ledger: "
      .. "alembic refuses; to go back, bring the file: no fix is ready, a "
      .. "person is needed", doc.because)
    assert.are.equal("roll_forward", (with("fails", true)))
    action, doc = with "unknown"
    assert.are.equal("escalate", action)
    assert.truthy(doc.because:find("it is not known whether the older release"
      .. " starts", 1, true))
    assert.are.equal("roll_forward", (with("unknown", true)))
  end)

  it("says why", function()
    local _, doc = decision { migrations = { verdict = "incompatible",
      reasons = { "003 drops orders.note" } }, hotfix = { tag = "v3" } }
    assert.are.equal("the older code cannot run on the newer schema: 003 "
      .. "drops orders.note: v3 fixes it", doc.because)
  end)

  it("refuses rules that make no sense", function()
    local function by(code)
      return message("decide.by(" .. code .. ")", nil,
        "local decide = require 'decide'")
    end
    assert.truthy(by("{ rules = { { name = 'x', vale = 1 } }, order = {} }")
      :find("did you mean value?", 1, true))
    assert.truthy(by("{ rules = { { name = 'x', value = 1 } }, order = {} }")
      :find("give op and threshold", 1, true))
    assert.truthy(by("{ rules = { { name = 'x', value = 'a', op = 'above', "
      .. "threshold = 1 } }, order = {} }"):find("compares numbers", 1, true))
  end)

  -- Each of these would make a veto disappear without a word.
  local lost = {
    { "behind a hole", "{ { name = 'go', value = true, pushes = 'a' }, nil, "
      .. "{ name = 'no', value = true, veto = { 'a' } } }", "behind a hole" },
    { "that is a text", "{ { name = 'no', value = true, veto = 'a' } }",
      "veto is a string, not a list" },
    { "behind a hole of its own",
      "{ { name = 'no', value = true, veto = { nil, 'a' } } }",
      "behind a hole" },
    { "of an action that nobody knows",
      "{ { name = 'no', value = true, veto = { 'rolback' } } }",
      "did you mean rollback?" },
  }
  for _, row in ipairs(lost) do
    it("refuses a veto " .. row[1], function()
      assert.truthy(message("decide.by { order = { 'a', 'rollback' }, rules = "
        .. row[2] .. " }", nil, "local decide = require 'decide'")
        :find(row[3], 1, true))
    end)
  end

  for what, rule in pairs {
    ["a threshold that is no number"] = "value = 5, op = 'above', "
      .. "threshold = 0/0",
    ["no threshold"] = "value = 'v1', op = 'is'",
    ["a value that is no number"] = "value = 0/0, op = 'above', "
      .. "threshold = 1",
  } do
    it("does not know with " .. what, function()
      assert.are.equal("inconclusive", logged("log(decide.by { order = "
        .. "{ 'a' }, rules = { { name = 'go', value = true, pushes = 'a' }, "
        .. "{ name = 'no', veto = { 'a' }, " .. rule .. " } } }.action)", nil,
        "local decide = require 'decide'"))
    end)
  end

  it("takes answers, not what stands for one", function()
    assert.truthy(message("decide.release { regression = true, target = "
      .. "false }", nil, "local decide = require 'decide'")
      :find("target is a boolean", 1, true))
  end)

  it("is inconclusive when all that is pushed is forbidden", function()
    assert.are.equal("inconclusive danger", logged(
      "local d = decide.by { order = { 'a' }, rules = { { name = 'go', "
      .. "value = true, pushes = 'a' }, { name = 'danger', veto = { 'a' }, "
      .. "unknown = 'veto' } } } log('%s %s', d.action, d.because)", nil,
      "local decide = require 'decide'"))
  end)
end)
