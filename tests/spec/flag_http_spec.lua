local support = dofile "tests/spec/support_http.lua"
local json = require "dkjson"

describe("flag http", function()
  local peer, directory

  setup(function()
    peer = support.peer("http", {})
    directory = support.directory()
  end)
  teardown(function()
    peer:stop()
    support.remove(directory)
  end)
  before_each(function()
    peer:requests()
    os.execute("rm -rf " .. directory .. "/artifacts")
  end)

  local function call(verb, script, args, binding, mode)
    peer:script(script)
    binding = binding or {}
    binding.url = binding.url or peer:url "/flags/{flag}"
    args.flag = args.flag or "new-checkout"
    return support.call("http", "flag." .. verb, binding, args,
      { mode = mode, artifacts = directory .. "/artifacts" })
  end

  local function state(on, times)
    return { match = "GET /", body = json.encode { on = on }, times = times }
  end
  local function put(answer)
    answer.match = "PUT /"
    return answer
  end

  it("reads a flag", function()
    local answer = call("get", { state(true) }, {}, { token = "t0ken" })
    assert.equal("ok", answer.outcome)
    assert.same({ flag = "new-checkout", on = true }, answer.value)
    local seen = peer:requests()[1]
    assert.equal("/flags/new-checkout", seen.path)
    assert.equal("Bearer t0ken", seen.headers["Authorization"])
  end)

  it("finds the state where the binding says", function()
    local script = { { body = '{"environments":{"live":{"on":false}}}' } }
    local answer = call("get", script, {}, { key = "environments.live.on" })
    assert.is_false(answer.value.on)
    answer = call("get", script, {}, { key = "environments.live" })
    assert.equal("rejected", answer.outcome)
    assert.matches('no true or false at "environments.live"', answer.message,
      1, true)
  end)

  it("refuses an answer that is no flag", function()
    for _, body in ipairs { "", "on", "[true]", '{"on":"true"}', '{"on":1}',
      '{"off":true}', '{"on":true,"on":false}', '{"on":true' } do
      assert.equal("rejected", call("get", { { body = body } }, {}).outcome,
        body)
    end
  end)

  it("lets no name leave the address", function()
    for _, name in ipairs { "", ".", "../admin", "a b", "a?b", "a\r\nb",
      "{on}", "ä", "a%2f" } do
      assert.equal("rejected",
        call("get", { state(true) }, { flag = name }).outcome)
    end
    assert.equal(0, #peer:requests())
    call("get", { state(true) }, { flag = "team/new" })
    assert.equal("/flags/team%2Fnew", peer:requests()[1].path)
  end)

  it("switches a flag, and reads it back", function()
    local answer = call("set",
      { state(true, 1), put { status = 204 }, state(false) }, { on = false })
    assert.equal("ok", answer.outcome)
    assert.same({ flag = "new-checkout", on = false, before = true },
      answer.value)
    local seen = peer:requests()
    assert.equal(3, #seen)
    assert.equal("PUT", seen[2].method)
    assert.equal('{"on":false}', seen[2].body)
    assert.equal("application/json", seen[2].headers["Content-Type"])
    assert.equal(64, #seen[2].headers["Idempotency-Key"])
  end)

  it("sends what the binding says", function()
    local answer = call("set", { state(false, 1),
      { match = "PATCH /" }, state(true) }, { on = true },
      { method = "PATCH", body = '[{"flag":"{flag}","to":{on}}]' })
    assert.equal("ok", answer.outcome)
    assert.equal('[{"flag":"new-checkout","to":true}]',
      peer:requests()[2].body)
    assert.equal("rejected",
      call("set", { state(false) }, { on = true },
        { method = "DELETE" }).outcome)
  end)

  it("writes nothing where nothing is to be done", function()
    local answer = call("set", { state(true) }, { on = true })
    assert.same({ flag = "new-checkout", on = true, before = true },
      answer.value)
    assert.equal(1, #peer:requests())
  end)

  it("believes what it reads, not a lost answer", function()
    local answer = call("set",
      { state(false, 1), put { close = true }, state(true) }, { on = true })
    assert.equal("ok", answer.outcome)
    answer = call("set", { state(false), put { status = 200 } },
      { on = true })
    assert.equal("unknown_outcome", answer.outcome)
    assert.matches("is not seen to be so", answer.message)
  end)

  for status, outcome in pairs { [401] = "auth", [404] = "not_found",
    [409] = "conflict", [422] = "rejected", [503] = "retryable" } do
    it("calls a change answered " .. status .. " " .. outcome, function()
      local answer = call("set",
        { state(false), put { status = status } }, { on = true })
      assert.equal(outcome, answer.outcome)
      assert.equal(2, #peer:requests())
    end)
  end

  it("can be asked whether a change took effect", function()
    local answer = call("set",
      { state(false, 1), put {}, state(true) }, { on = true })
    assert.equal("ok", answer.outcome)
    local probed = call("set", { state(true) }, { on = true }, nil, "probe")
    assert.equal("ok", probed.outcome)
    assert.is_true(probed.value.applied)
    assert.same(answer.value, probed.value.value)
    -- It may have left, and is not seen: made again, it still knows how the
    -- flag was at first.
    probed = call("set", { state(false) }, { on = true }, nil, "probe")
    assert.is_false(probed.value.applied)
    assert.matches("may still come", probed.value.partly)
    assert.is_false(call("set", { state(true) }, { on = true }).value.before)
    os.execute("rm -rf " .. directory .. "/artifacts")
    probed = call("set", { state(false) }, { on = true }, nil, "probe")
    assert.same({ applied = false }, probed.value)
    probed = call("set", { { status = 500 } }, { on = true }, nil, "probe")
    assert.equal("unknown_outcome", probed.outcome)
  end)

  it("gives up on a server that hangs", function()
    assert.equal("timeout", call("get", { { hang = "before" } }, {},
      { timeout = "300ms" }).outcome)
  end)
end)
