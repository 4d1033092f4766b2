-- The members of each family that have no system behind them.
local S = require "tests.spec.support_deploy"
local json = require "dkjson"

describe("the memory driver of", function()
  local dir

  before_each(function() dir = S.scratch() end)
  after_each(function() S.remove(dir) end)

  local function call(verb, binding, args, more)
    local c = { driver = "memory", verb = verb, binding = binding,
                args = args }
    for k, v in pairs(more or {}) do c[k] = v end
    return S.call(dir, c)
  end

  local function state()
    return json.decode(S.slurp(dir .. "/state.json"))
  end

  it("deploy remembers a release, and what it expected", function()
    local binding = { state = "state.json", version = "v1", commit = "abc",
                      releases = { "v1", "v2" } }
    local a = call("deploy.current", binding)
    assert.same({ version = "v1", commit = "abc", healthy = true,
                  instances = { { name = "test", version = "v1",
                                  healthy = true } } }, a.value)
    assert.equal("conflict", call("deploy.release", binding,
                                  { version = "v2", expect = "v0" }).outcome)
    assert.equal("not_found", call("deploy.release", binding,
                                   { version = "v3" }).outcome)
    local args = { version = "v2", expect = "v1" }
    assert.is_false(call("deploy.release", binding, args, { probe = true })
                      .value.applied)
    assert.equal("v2", call("deploy.release", binding, args).value.version)
    a = call("deploy.release", binding, args, { probe = true })
    assert.is_true(a.value.applied)
    assert.equal("v2", a.value.value.version)
    assert.equal("v2", call("deploy.current", binding).value.version)
    assert.equal(1, state().deploy.test.writes)
  end)

  it("deploy remembers shares", function()
    local binding = { state = "state.json", weights = { a = 100, b = 0 } }
    assert.equal("rejected", call("deploy.shift", binding,
                                  { weights = { a = 1 } }).outcome)
    local args = { weights = { a = 30, b = 70 } }
    assert.same({ weights = args.weights, before = { a = 100, b = 0 } },
                call("deploy.shift", binding, args).value)
    assert.same({ a = 100, b = 0 },
                call("deploy.shift", binding, args, { probe = true })
                  .value.value.before)
    assert.equal("no_data", call("deploy.current", binding).outcome)
  end)

  it("deploy without a state forgets", function()
    local binding = { version = "v1" }
    assert.equal("v2", call("deploy.release", binding, { version = "v2" })
                         .value.version)
    assert.equal("v1", call("deploy.current", binding).value.version)
  end)

  it("flag remembers", function()
    local binding = { state = "state.json", flags = { beta = true } }
    local args = { flag = "beta", on = false }
    assert.is_true(call("flag.get", binding, { flag = "beta" }).value.on)
    assert.same({ flag = "beta", on = false, before = true },
                call("flag.set", binding, args).value)
    assert.is_false(call("flag.get", binding, { flag = "beta" }).value.on)
    assert.is_true(call("flag.set", binding, args, { probe = true })
                     .value.value.before)
    assert.equal("not_found",
                 call("flag.set", binding, { flag = "bta", on = true })
                   .outcome)
  end)

  it("notify sends a key once", function()
    local binding = { state = "state.json" }
    local args = { text = "hello" }
    assert.equal(1, call("notify.send", binding, args).value.attempts)
    call("notify.send", binding, args)
    call("notify.send", binding, args, { key = ("ab"):rep(32) })
    local sent = state().notify.test.sent
    assert.equal(2, #sent)
    assert.equal("hello", sent[1].text)
    assert.not_equal(sent[1].key, sent[2].key)
  end)

  it("metric answers what it was given", function()
    local binding = { values = { up = 0.5, hour = { 1, 2, 3, 4 },
                                 odd = { 1, "x" } } }
    assert.equal(0.5, call("metric.query", binding, { expr = "up" })
                        .value.value)
    assert.equal(4, call("metric.query", binding, { expr = "hour" })
                      .value.value)
    local r = call("metric.range", binding,
                   { expr = "hour", last = "1h", step = "15m" }).value
    assert.same({ 4, 1, 4, 1, 4, 2.5, 2.5 },
                { r.count, r.first, r.last, r.min, r.max, r.mean, r.median })
    assert.same({ 1, 2, 3, 4 }, r.points)
    assert.equal("no_data", call("metric.query", binding, { expr = "down" })
                              .outcome)
    assert.equal("rejected", call("metric.query", binding, { expr = "odd" })
                               .outcome)
    assert.equal("ok", call("metric.await", binding,
                            { expr = "up", below = 0.6, within = "1m" })
                         .outcome)
    assert.equal("not_reached", call("metric.await", binding,
                                     { expr = "up", below = 0.4,
                                       within = "1m" }).outcome)
    assert.equal("not_reached", call("metric.await", binding,
                                     { expr = "up", above = 0.6,
                                       within = "1m" }).outcome)
  end)

  it("all fails when it is told to", function()
    local binding = { version = "v1",
                      fail = { ["deploy.release"] = "unknown_outcome",
                               ["deploy.shift"] = "nonsense" } }
    assert.equal("ok", call("deploy.current", binding).outcome)
    assert.equal("unknown_outcome",
                 call("deploy.release", binding, { version = "v2" }).outcome)
    assert.equal("rejected", call("deploy.shift", binding,
                                  { weights = { a = 100 } }).outcome)
  end)

  it("all says when its state cannot be read", function()
    S.spew(dir .. "/state.json", "{")
    local a = call("flag.get", { state = "state.json", flags = {} },
                   { flag = "x" })
    assert.equal("retryable", a.outcome)
    assert.truthy(a.message:find("state.json", 1, true))
  end)
end)
