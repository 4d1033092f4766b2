local support = dofile "tests/spec/support_http.lua"

describe("http.check", function()
  local peer

  setup(function() peer = support.peer("http", {}) end)
  teardown(function() peer:stop() end)
  before_each(function() peer:requests() end)

  local function check(script, args, binding)
    peer:script(script)
    binding = binding or {}
    binding.url = binding.url or peer:url()
    return support.call("http", "http.check", binding, args or {})
  end

  it("tells status, time and body of a good answer", function()
    local answer = check { { body = "all is well" } }
    assert.equal("ok", answer.outcome)
    assert.equal(200, answer.value.status)
    assert.equal("all is well", answer.value.body)
    assert.is_true(answer.value.seconds >= 0 and answer.value.seconds < 10)
  end)

  it("asks below the bound address, with the bound headers", function()
    check({ {} }, { path = "/healthz?deep=1" }, {
      url = peer:url "/shop/", headers = { ["X-From"] = "rbrun" },
      token = "s3cret",
    })
    local seen = peer:requests()
    assert.equal(1, #seen)
    assert.equal("GET", seen[1].method)
    assert.equal("/shop/healthz?deep=1", seen[1].path)
    assert.equal("rbrun", seen[1].headers["X-From"])
    assert.equal("Bearer s3cret", seen[1].headers["Authorization"])
  end)

  it("says that an address is too long", function()
    local answer = check({}, { path = "/" .. ("x"):rep(9000) })
    assert.equal("rejected", answer.outcome)
    assert.matches("is over 8192 bytes", answer.message)
  end)

  it("sends user and password as basic authentication", function()
    check({ {} }, {}, { username = "ann", password = "s3cret" })
    assert.equal("Basic YW5uOnMzY3JldA==",
      peer:requests()[1].headers["Authorization"])
  end)

  for status, outcome in pairs {
    [401] = "auth", [403] = "auth", [404] = "not_found", [418] = "rejected",
    [429] = "retryable", [500] = "retryable", [502] = "retryable",
    [503] = "retryable", [204] = "rejected",
  } do
    it("calls status " .. status .. " " .. outcome, function()
      local answer = check { { status = status } }
      assert.equal(outcome, answer.outcome)
      assert.matches(tostring(status), answer.message)
      assert.matches("wanted 200", answer.message)
    end)
  end

  it("takes the status that is wanted, even a bad one", function()
    assert.equal("ok", check({ { status = 503 } }, { status = 503 }).outcome)
    assert.equal("ok",
      check({ { status = 204 } }, {}, { status = 204 }).outcome)
  end)

  it("wants the text in the body", function()
    local script = { { body = ("x"):rep(9000) .. "version 7" } }
    local answer = check(script, { contains = "version 7" })
    assert.equal("ok", answer.outcome)
    assert.equal(4096, #answer.value.body)
    answer = check(script, { contains = "version 8" })
    assert.equal("rejected", answer.outcome)
    assert.matches('without the text "version 8"', answer.message, 1, true)
  end)

  it("names a redirect and does not follow it", function()
    local answer = check { { status = 302, headers = {
      Location = "http://ann:pw@elsewhere.example/login?ticket=s3cret" } } }
    assert.equal("rejected", answer.outcome)
    assert.matches("302 Found to http://elsewhere.example", answer.message,
      1, true)
    assert.not_matches("s3cret", answer.message)
    assert.not_matches("pw", answer.message)
    assert.equal(1, #peer:requests())
  end)

  it("never shows user, password or query of the address", function()
    local answer = check({ { status = 500 } }, {}, {
      url = ("http://ann:hidden1@127.0.0.1:%s/x?token=hidden2#hidden3")
        :format(peer.port) })
    assert.equal("retryable", answer.outcome)
    assert.matches("127.0.0.1", answer.message, 1, true)
    assert.not_matches("hidden", answer.message)
    assert.not_matches("ann", answer.message)
  end)

  it("makes any bytes a text", function()
    local answer = check { { body = "a\\udcff\\udcfe\0b" } }
    assert.equal("ok", answer.outcome)
    peer:script {}
    support.spew(peer.directory .. "/script",
      '[{"body": "a\\udcff\\udce2\\udc82b\\u0000\\u001b[31m\\u00fc"}]')
    answer = support.call("http", "http.check", { url = peer:url() }, {})
    assert.equal("ok", answer.outcome)
    assert.equal("a\u{FFFD}\u{FFFD}\u{FFFD}b\u{FFFD}\27[31mü",
      answer.value.body)
  end)

  it("does not call half an answer an answer", function()
    local answer = check { { body = "all is well", length = 400 } }
    assert.equal("retryable", answer.outcome)
  end)

  it("tells a connection that is closed without an answer", function()
    assert.equal("retryable", check({ { close = true } }).outcome)
  end)

  it("gives up on a server that hangs, before and within", function()
    for _, where in ipairs { "before", "within" } do
      local answer = check({ { hang = where, body = "xxxx" } }, {},
        { timeout = "300ms" })
      assert.equal("timeout", answer.outcome)
      assert.matches("no whole answer within", answer.message)
    end
  end)

  it("tells a refused connection and an unknown name", function()
    local answer = check({}, {},
      { url = "http://127.0.0.1:" .. support.closed_port() })
    assert.equal("unavailable", answer.outcome)
    answer = check({}, {}, { url = "http://no-such-name.invalid/" })
    assert.equal("unavailable", answer.outcome)
    assert.matches("no-such-name.invalid", answer.message, 1, true)
  end)

  it("refuses other protocols and malformed addresses", function()
    for _, url in ipairs { "file:///etc/passwd", "ftp://127.0.0.1/",
      "http://127.0.0.1:abc/", "gopher://127.0.0.1:1/_x" } do
      local answer = check({}, {}, { url = url })
      assert.equal("rejected", answer.outcome, url)
      assert.not_matches("root:", answer.message)
    end
  end)

  it("lets no path leave the bound address", function()
    for _, path in ipairs { "@127.0.0.1:1/", "healthz", "/../admin",
      "/a/%2e%2E/b", "/a/.%2e", "/a b", "/a\r\nX: y", "/a\\b", "/a#b",
      "/a%2f..%2fb", "" } do
      local answer = check({ {} }, { path = path })
      assert.equal("rejected", answer.outcome, path)
      assert.equal(0, #peer:requests())
    end
  end)

  it("refuses a header that would be two", function()
    local answer = check({ {} }, {}, { headers = { A = "b\r\nC: d" } })
    assert.equal("rejected", answer.outcome)
    assert.equal(0, #peer:requests())
  end)

  it("keeps trying until it is as wanted", function()
    local answer, said = check({ { status = 503, times = 2 }, {} },
      { within = "20s" })
    assert.equal("ok", answer.outcome)
    assert.equal(3, #peer:requests())
    assert.matches("503", said)
  end)

  it("says the last trouble when it is not reached", function()
    local answer = check({ { status = 503 } }, { within = "700ms" })
    assert.equal("not_reached", answer.outcome)
    assert.matches("503 Service Unavailable", answer.message)
    assert.is_true(#peer:requests() >= 2)
  end)

  it("goes by a unix socket or a proxy only when told to", function()
    assert.equal("unavailable", check({ {} }, {}, {
      unix_socket = "/nonexistent/socket" }).outcome)
    local answer = check({ { body = "proxied" } }, {}, {
      url = "http://far.invalid/x", proxy = peer:url() })
    assert.equal("ok", answer.outcome)
    assert.equal("http://far.invalid/x", peer:requests()[1].path)
  end)
end)

describe("TLS", function()
  local peer, directory

  setup(function()
    directory = support.directory()
    peer = support.peer("http", { { body = "private" } },
      support.certificate(directory))
  end)
  teardown(function()
    peer:stop()
    support.remove(directory)
  end)

  it("trusts nobody unknown", function()
    local answer = support.call("http", "http.check",
      { url = "https://127.0.0.1:" .. peer.port }, {})
    assert.equal("unavailable", answer.outcome)
    assert.matches("certificate", answer.message)
    assert.equal(0, #peer:requests())
  end)

  it("trusts the certificate it is given", function()
    local answer = support.call("http", "http.check", {
      url = "https://127.0.0.1:" .. peer.port,
      ca_file = directory .. "/cert.pem",
    }, {})
    assert.equal("ok", answer.outcome)
    assert.equal("private", answer.value.body)
  end)

  it("does not trust it for another name", function()
    local answer = support.call("http", "http.check", {
      url = "https://localhost:" .. peer.port,
      ca_file = directory .. "/cert.pem",
    }, {})
    assert.equal("unavailable", answer.outcome)
  end)
end)
