local support = dofile "tests/spec/support_http.lua"
local json = require "dkjson"

describe("snapshot http", function()
  local peer, directory

  before_each(function()
    peer = support.peer("http", {})
    directory = support.directory()
  end)
  after_each(function()
    peer:stop()
    support.remove(directory)
  end)

  local function call(verb, args, binding, more)
    binding = binding or {}
    binding.urls = binding.urls
      or { ["config.json"] = peer:url "/config?token=hidden",
           orders = peer:url "/orders" }
    more = more or {}
    more.artifacts = directory .. "/artifacts"
    return support.call("http", "snapshot." .. verb, binding, args, more)
  end

  local function good()
    peer:script {
      { match = "GET /config", body = '{"a":1}',
        headers = { ["Content-Type"] = "application/json" } },
      { match = "GET /orders", body = ("order\n"):rep(1000), ["repeat"] = 9 },
    }
  end

  it("keeps every answer, and reads it back", function()
    good()
    local answer = call("take", { note = "before the rollback" })
    assert.equal("ok", answer.outcome, answer.message)
    local v = answer.value
    assert.is_true(v.verified)
    assert.is_true(#v.not_covered >= 3)
    assert.equal('{"a":1}', support.slurp(v.path .. "/config.json"))
    assert.equal(("order\n"):rep(9000), support.slurp(v.path .. "/orders"))
    local text = support.slurp(v.path .. "/manifest.json")
    assert.not_matches("hidden", text)
    assert.matches('"status":200', text)
    assert.matches('"type":"application/json"', text, 1, true)
    assert.matches((support.output("sha256sum " .. v.path .. "/orders")
      :match "^%x+"), text)
    local checked = call("verify", { id = v.id })
    assert.equal("ok", checked.outcome)
    assert.equal(v.id, checked.value.id)
    assert.is_true(checked.value.bytes >= 54007)
  end)

  it("sees a byte that has changed", function()
    good()
    local v = call("take", {}).value
    os.execute("chmod u+w " .. v.path .. " " .. v.path .. "/*")
    support.spew(v.path .. "/config.json", '{"a":2}')
    local answer = call("verify", { id = v.id })
    assert.equal("conflict", answer.outcome)
    assert.matches("config.json", answer.message, 1, true)
  end)

  it("has taken it once when it is asked twice", function()
    good()
    local first = call("take", {})
    peer:requests()
    local again = call("take", {})
    assert.equal(first.value.id, again.value.id)
    assert.equal(0, #peer:requests())
    local probed = call("take", {}, nil, { mode = "probe" })
    assert.is_true(probed.value.applied)
  end)

  for name, case in pairs {
    ["a missing page"] = { { status = 404 }, "not_found" },
    ["a page that needs credentials"] = { { status = 401 }, "auth" },
    ["a broken server"] = { { status = 500, body = "oops" }, "retryable" },
    ["a redirect"] = { { status = 302 }, "rejected" },
    ["a body cut short"] = { { body = "half", length = 8 }, "retryable" },
    ["a body that hangs"] = { { body = "half", hang = "within" }, "timeout" },
  } do
    it("keeps nothing of " .. name, function()
      case[1].match = "GET /orders"
      peer:script { { match = "GET /config", body = "{}" }, case[1] }
      local answer = call("take", {}, { timeout = "300ms" })
      assert.equal(case[2], answer.outcome)
      assert.matches("orders", answer.message)
      assert.equal("", (support.output("find " .. directory
        .. " -name 'snap-*' -o -name orders")))
      assert.is_false(call("take", {}, nil,
        { mode = "probe" }).value.applied)
    end)
  end

  it("keeps nothing beyond its limit", function()
    good()
    local answer = call("take", {}, { max_bytes = 5000 })
    assert.equal("rejected", answer.outcome)
    assert.matches("max_bytes", answer.message)
  end)

  it("refuses names that are no file names, and no addresses", function()
    for _, name in ipairs { "../x", "a/b", ".hidden", "manifest.json", "" } do
      local answer = call("take", {}, { urls = { [name] = peer:url "/" } })
      assert.equal("rejected", answer.outcome, name)
    end
    assert.equal("rejected", support.call("http", "snapshot.take",
      { urls = {} }, {}).outcome)
    assert.equal("rejected", call("take", {},
      { urls = json.decode '{"a":1}' }).outcome)
  end)
end)
