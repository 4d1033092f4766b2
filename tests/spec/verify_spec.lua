-- The stdlib's verify and tell.
package.path = "tests/spec/support/?.lua;" .. package.path
local drive = require "drive"
local body, logs = drive.body, drive.logs
local message, logged = drive.message, drive.logged

describe("verify and tell", function()
  local top = "local verify, tell = require 'verify', require 'tell'"

  it("waits for all numbers and the health answer at once", function()
    local result = body("log(verify.recovered { { expr = 'e', below = 1 }, "
      .. "within = '5m', holds = '10s', health = 'api' })", nil, top)
    assert.are.same({ "true" }, logs(result))
    local calls = drive.calls(result)
    assert.are.same({ expr = "e", below = 1, within = "5m", holds = "10s" },
      calls[1].args)
    assert.are.same({ check = "api", within = "5m" }, calls[2].args)
  end)

  it("says which check failed", function()
    assert.are.equal("nil metric.await: not_reached: e: still 5", logged(
      "log('%s %s', verify.recovered { { expr = 'e', below = 1 }, "
      .. "within = '5m' })", { answers = { ["metric.await"] = { { err = {
        outcome = "not_reached", message = "still 5" } } } } }, top))
  end)

  it("wants to know what is well", function()
    assert.truthy(message("verify.recovered { { expr = 'e' }, within = "
      .. "'5m' }", nil, top):find("neither below nor above", 1, true))
    assert.truthy(message("verify.recovered { nil, { expr = 'e', below = 1 }, "
      .. "within = '5m', health = 'api' }", nil, top)
      :find("behind a hole", 1, true))
    assert.truthy(message("verify.recovered { { expr = 'e', below = 1 } }",
      nil, top):find("within is missing", 1, true))
  end)

  it("tells every channel and lists the ones that failed", function()
    assert.are.equal("nil 1 b", logged("local ok, errs = tell.all { "
      .. "channels = { 'a', 'b' }, text = 't' } "
      .. "log('%s %d %s', ok, #errs, errs[1].channel)",
      { answers = { ["notify.send"] = { { ok = {} }, { err = {
        outcome = "auth", message = "m" } } } } }, top))
  end)
end)
