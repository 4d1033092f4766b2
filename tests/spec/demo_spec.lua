-- examples/lab/demo, the first thing a newcomer runs.

local lab = require "tests.tools.lab"

local DEMO = "examples/lab/demo"

describe("the demo", function()
  before_each(lab.scratch)
  after_each(lab.clean)

  it("breaks, repairs, shows it and leaves nothing", function()
    local output, status = lab.run(DEMO .. " </dev/null")
    assert.equal(0, status, output)
    local before, after = output:match("^(.*)\n== afterwards(.*)$")
    assert.truthy(before:find("blue runs v2.5.0, green runs v2.5.0", 1, true))
    assert.is_true(tonumber(before:match("errors: ([%d.]+)")) > 0.02)
    assert.truthy(after:find("blue runs v2.4.0, green runs v2.4.0", 1, true))
    assert.is_true(tonumber(after:match("errors: ([%d.]+)")) < 0.02)
    assert.truthy(after:find("Slack:\n +recovered: api v2.5.0 rolled back"))
    assert.truthy(after:find("Mail to oncall@lab.invalid: recovered"))
    assert.is_false(lab.exists(lab.state))
    assert.equal("", lab.processes())
  end)

  it("uses a lab that is up, and leaves it up", function()
    lab.must(lab.LAB .. " up")
    local output, status = lab.run(DEMO .. " --bad none </dev/null")
    assert.equal(0, status, output)
    assert.truthy(output:find("there is no regression", 1, true))
    assert.same({ blue = "v2.5.0", green = "v2.5.0" }, lab.versions())
  end)

  it("refuses a release and an option that it does not know", function()
    for _, wrong in ipairs { "--bad nonsense", "--bda errors" } do
      local output, status = lab.run(DEMO .. " " .. wrong)
      assert.equal(2, status)
      assert.truthy(output:find("usage: demo", 1, true))
    end
    assert.is_false(lab.exists(lab.state))
  end)
end)
