local support = dofile "tests/spec/support_http.lua"
local json = require "dkjson"

local KEY = ("0123456789abcdef"):rep(4)

-- Hostile in every layer that a notice goes through.
local HOSTILE = "<!channel> & <@U1> @everyone @here\27[31m\7 a\u{202E}b\r\n"
  .. ".\r\nQUIT\n\"}{\\"

describe("notify slack", function()
  local peer

  setup(function() peer = support.peer("http", {}) end)
  teardown(function() peer:stop() end)
  before_each(function() peer:requests() end)

  local function send(script, args, binding)
    peer:script(script)
    binding = binding or {}
    binding.webhook = binding.webhook or peer:url "/services/T1/B1/s3cret"
    args.text = args.text or "api is going back"
    return support.call("slack", "notify.send", binding, args)
  end

  it("posts the text, and where it comes from", function()
    local answer = send({ { body = "ok" } }, { title = "Rollback",
      severity = "critical" })
    assert.equal("ok", answer.outcome)
    assert.equal(1, answer.value.attempts)
    local seen = peer:requests()
    assert.equal(1, #seen)
    assert.equal("POST", seen[1].method)
    assert.equal("/services/T1/B1/s3cret", seen[1].path)
    assert.equal("application/json", seen[1].headers["Content-Type"])
    local sent = json.decode(seen[1].body)
    assert.equal("[critical] Rollback\napi is going back\n"
      .. "test in test, run 20260101-TEST", sent.text)
    assert.is_false(sent.mrkdwn)
  end)

  it("makes hostile text harmless", function()
    assert.equal("ok", send({ { body = "ok" } },
      { text = HOSTILE, title = "<!here>\nx" }).outcome)
    local text = json.decode(peer:requests()[1].body).text
    assert.not_matches("[<>]", text)
    assert.not_matches("[\1-\9\11-\31]", text)
    assert.not_matches("\u{202E}", text, 1, true)
    assert.not_matches("@everyone", text, 1, true)
    assert.not_matches("@here", text, 1, true)
    assert.matches("&lt;!channel&gt; &amp; &lt;@U1&gt;", text, 1, true)
    assert.matches("^&lt;!here&gt; x\n", text)
  end)

  it("cuts a long text between two characters", function()
    assert.equal("ok", send({ { body = "ok" } },
      { text = ("ü"):rep(30000) }).outcome)
    local text = json.decode(peer:requests()[1].body).text
    assert.matches("ü...\ntest in test", text, 1, true)
    assert.is_true(#text < 5000)
    assert.is_truthy(utf8.len(text))
  end)

  it("does not take a 200 for success", function()
    for _, body in ipairs { "invalid_payload", "", "okay", "OK",
      "<html>welcome</html>" } do
      local answer = send({ { body = body } }, {})
      assert.equal("rejected", answer.outcome)
      assert.matches('not "ok"', answer.message, 1, true)
      assert.equal(1, #peer:requests())
    end
  end)

  for status, outcome in pairs { [400] = "rejected", [403] = "auth",
    [404] = "not_found", [410] = "not_found", [302] = "rejected",
    [500] = "unknown_outcome", [502] = "unknown_outcome" } do
    it("calls status " .. status .. " " .. outcome .. ", once", function()
      local answer = send({ { status = status, body = "no_service" } }, {})
      assert.equal(outcome, answer.outcome)
      assert.matches("no_service", answer.message)
      assert.equal(1, #peer:requests())
    end)
  end

  it("tries again when it was certainly not delivered", function()
    local answer = send({ { status = 429, times = 1,
      headers = { ["Retry-After"] = "1" } }, { body = "ok" } }, {})
    assert.equal("ok", answer.outcome)
    assert.equal(2, answer.value.attempts)
    assert.equal(2, #peer:requests())
  end)

  it("gives up after three tries", function()
    local answer = send({ { status = 503 } }, {})
    assert.equal("retryable", answer.outcome)
    assert.equal(3, #peer:requests())
  end)

  it("does not repeat what may have been delivered", function()
    for _, script in ipairs { { { hang = "before" } }, { { close = true } },
    } do
      local answer = send(script, {}, { timeout = "300ms" })
      assert.equal("unknown_outcome", answer.outcome)
      assert.equal(1, #peer:requests())
    end
  end)

  it("never shows the webhook's address", function()
    for _, script in ipairs { { { status = 404 } }, { { close = true } },
      { { body = "invalid_token" } } } do
      assert.not_matches("s3cret", send(script, {}).message)
    end
    local answer = send({}, {}, { webhook = "http://127.0.0.1:"
      .. support.closed_port() .. "/services/s3cret" })
    assert.equal("unavailable", answer.outcome)
    assert.not_matches("s3cret", answer.message)
    answer = send({}, {}, { webhook = "s3cret://x:y:z/s3cret" })
    assert.equal("rejected", answer.outcome)
    assert.not_matches("s3cret", answer.message)
  end)

  it("knows three severities", function()
    local answer = send({ { body = "ok" } }, { severity = "fatal" })
    assert.equal("rejected", answer.outcome)
    assert.matches("info, warning, critical", answer.message)
    assert.equal(0, #peer:requests())
  end)
end)

describe("notify webhook", function()
  local peer

  setup(function() peer = support.peer("http", {}) end)
  teardown(function() peer:stop() end)
  before_each(function() peer:requests() end)

  local function send(script, args, binding)
    peer:script(script)
    binding = binding or {}
    binding.url = binding.url or peer:url "/hook"
    args.text = args.text or "api is going back"
    return support.call("webhook", "notify.send", binding, args,
      { key = KEY })
  end

  it("posts a CloudEvent that carries the call's key", function()
    local answer = send({ { status = 202 } }, { title = "Rollback",
      severity = "warning" }, { token = "t0ken", headers = { ["X-A"] = "b" } })
    assert.equal("ok", answer.outcome)
    local seen = peer:requests()[1]
    assert.equal("application/cloudevents+json; charset=UTF-8",
      seen.headers["Content-Type"])
    assert.equal(KEY, seen.headers["Idempotency-Key"])
    assert.equal("Bearer t0ken", seen.headers["Authorization"])
    assert.equal("b", seen.headers["X-A"])
    local event = json.decode(seen.body)
    assert.equal("1.0", event.specversion)
    assert.equal(KEY, event.id)
    assert.equal("/rbrun/test/test", event.source)
    assert.equal("rbrun.notice", event.type)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$",
      event.time)
    assert.same({ text = "api is going back", title = "Rollback",
      severity = "warning", run = "20260101-TEST", service = "test",
      environment = "test" }, event.data)
  end)

  it("keeps a hostile text whole, but for control characters", function()
    assert.equal("ok", send({ {} }, { text = HOSTILE },
      { source = "urn:x:y" }).outcome)
    local event = json.decode(peer:requests()[1].body)
    assert.equal("urn:x:y", event.source)
    assert.equal("<!channel> & <@U1> @everyone @here[31m ab\n.\nQUIT\n\"}{\\",
      event.data.text)
  end)

  it("repeats what may have been delivered, with the same bytes", function()
    local answer = send({ { close = true, times = 1 },
      { status = 500, times = 1 }, { status = 204 } }, {})
    assert.equal("ok", answer.outcome)
    assert.equal(3, answer.value.attempts)
    local seen = peer:requests()
    assert.equal(3, #seen)
    assert.equal(seen[1].body, seen[2].body)
    assert.equal(seen[1].body, seen[3].body)
  end)

  it("says that it does not know when no try was answered", function()
    local answer = send({ { hang = "before" } }, {}, { timeout = "200ms" })
    assert.equal("unknown_outcome", answer.outcome)
    assert.equal(3, #peer:requests())
  end)

  it("does not repeat a refusal", function()
    for status, outcome in pairs { [400] = "rejected", [401] = "auth",
      [404] = "not_found", [301] = "rejected" } do
      assert.equal(outcome, send({ { status = status } }, {}).outcome)
      assert.equal(1, #peer:requests())
    end
  end)
end)

describe("notify smtp", function()
  local peer, directory

  setup(function()
    directory = support.directory()
    peer = support.peer("smtp", { {} }, support.certificate(directory))
  end)
  teardown(function()
    peer:stop()
    support.remove(directory)
  end)
  before_each(function() peer:requests() end)

  -- Scripts are counted by connection: a new peer for each conversation.
  local function send(script, args, binding)
    peer:stop()
    peer = support.peer("smtp", script,
      ("--cert %s/cert.pem --key %s/key.pem"):format(directory, directory))
    binding = binding or {}
    binding.url = binding.url or "smtp://127.0.0.1:" .. peer.port
    binding.from = binding.from or "rbrun@example.org"
    binding.to = binding.to or { "ann@example.org", "bob@example.org" }
    args.text = args.text or "api is going back"
    return support.call("smtp", "notify.send", binding, args, { key = KEY })
  end

  -- The peer writes its record when the conversation has ended.
  local function seen(count)
    local all = {}
    support.eventually(function()
      for _, one in ipairs(peer:requests()) do all[#all + 1] = one end
      return #all >= (count or 1)
    end, "the conversation's end")
    return all
  end

  local function parse(message)
    local pipe = assert(io.popen("mktemp"))
    local path = pipe:read "l"
    pipe:close()
    support.spew(path, message)
    local text = support.output(([[python3 -c '
import email, email.policy, json, sys
with open(sys.argv[1], "rb") as file:
    m = email.message_from_binary_file(file, policy=email.policy.default)
print(json.dumps({"headers": dict(m.items()), "body": m.get_content(),
                  "count": len(m.items())}))' ]]) .. path)
    os.remove(path)
    return json.decode(text)
  end

  it("sends a mail that a mail reader understands", function()
    local answer = send({ {} }, { title = "Zurück nach v2.5.0 ✓",
      text = "Grüße = ok\n.\nlang: " .. ("ä"):rep(100) .. " \nende",
      severity = "critical" })
    assert.equal("ok", answer.outcome)
    assert.equal(1, answer.value.attempts)
    local one = seen()[1]
    assert.matches("MAIL FROM:<rbrun@example.org>", one.mail, 1, true)
    assert.same({ "RCPT TO:<ann@example.org>", "RCPT TO:<bob@example.org>" },
      one.rcpt)
    for line in one.message:gmatch "[^\r\n]+" do
      assert.is_true(#line <= 78 or line:find "^Message%-ID" ~= nil, line)
      assert.not_matches("[\128-\255]", line)
    end
    local mail = parse(one.message)
    assert.equal("[critical] Zurück nach v2.5.0 ✓ (test)",
      mail.headers.Subject)
    assert.equal("rbrun@example.org", mail.headers.From)
    assert.equal("ann@example.org, bob@example.org", mail.headers.To)
    assert.equal("<" .. KEY .. "@example.org>", mail.headers["Message-ID"])
    assert.equal("auto-generated", mail.headers["Auto-Submitted"])
    assert.matches("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d [+-]0000$",
      mail.headers.Date)
    assert.equal("Grüße = ok\n.\nlang: " .. ("ä"):rep(100) .. " \nende\n\n"
      .. "-- \ntest in test, run 20260101-TEST\n", mail.body)
  end)

  it("lets no text become a header or a command", function()
    assert.equal("ok", send({ {} }, {
      title = "a\r\nBcc: eve@example.org\r\n\r\nbody =?utf-8?q?x?= \27[2J",
      text = HOSTILE }).outcome)
    local one = seen()[1]
    assert.equal(2, #one.rcpt)
    local mail = parse(one.message)
    assert.equal(9, mail.count)
    assert.is_nil(mail.headers.Bcc)
    assert.equal("a Bcc: eve@example.org  body =?utf-8?q?x?= [2J (test)",
      mail.headers.Subject)
    assert.matches("\n.\nQUIT\n", mail.body, 1, true)
    assert.not_matches("\27", one.message)
  end)

  it("refuses addresses that are more than that", function()
    for _, bad in ipairs { "ann", "a@b@c", "<a@b>", "a@b\r\nRCPT TO:<c@d>",
      "Ann <a@b>", "a b@c", "@b", "a@", "ä@b" } do
      local answer = send({ {} }, {}, { to = { bad } })
      assert.equal("rejected", answer.outcome, bad)
      assert.equal("rejected", send({ {} }, {}, { from = bad }).outcome)
    end
    assert.equal("rejected", send({ {} }, {}, { to = {} }).outcome)
  end)

  it("logs in, and says when it may not", function()
    local script = { { ehlo = { "AUTH PLAIN LOGIN" }, user = "ann",
      password = "s3cret" } }
    local binding = { username = "ann", password = "s3cret" }
    assert.equal("ok", send(script, {}, binding).outcome)
    assert.equal("ann", seen()[1].auth)
    local answer = send(script, {}, { username = "ann", password = "hidden" })
    assert.equal("auth", answer.outcome)
    assert.matches("username and password", answer.message)
    assert.not_matches("hidden", answer.message)
    assert.equal(1, #seen())
  end)

  it("uses TLS where it is wanted, and trusts nobody unknown", function()
    local script = { { ehlo = { "STARTTLS" } } }
    local binding = { tls = "required", ca_file = directory .. "/cert.pem" }
    assert.equal("ok", send(script, {}, binding).outcome)
    assert.is_true(seen()[1].tls)
    assert.equal("unavailable",
      send(script, {}, { tls = "required" }).outcome)
    local answer = send({ {} }, {}, { tls = "required" })
    assert.equal("rejected", answer.outcome)
    assert.matches("STARTTLS", answer.message)
    assert.equal("ok", send({ {} }, {}, { tls = "opportunistic" }).outcome)
    assert.equal("rejected", send({ {} }, {}, { tls = "perhaps" }).outcome)
  end)

  it("sends no password in the clear to another machine", function()
    local answer = send({ {} }, {}, { url = "smtp://mail.invalid:25",
      tls = "opportunistic", username = "a", password = "hidden" })
    assert.equal("rejected", answer.outcome)
    assert.matches("in the clear", answer.message)
  end)

  for name, case in pairs {
    ["an unknown receiver"] = { { rcpt = "550 no such user" }, "rejected", 1 },
    ["a full mailbox"] = { { rcpt = "452 full" }, "retryable", 3 },
    ["a busy server"] = { { greeting = "421 busy" }, "retryable", 3 },
    ["a refused sender"] = { { mail = "553 no" }, "rejected", 1 },
    ["a refused mail"] = { { dot = "554 spam" }, "rejected", 1 },
    ["a mail refused for now"] = { { dot = "451 later" }, "retryable", 3 },
    ["a hangup before the mail"] = { { close = "DATA" }, "retryable", 3 },
    ["a hangup behind the mail"] = { { close = "DOT" }, "unknown_outcome", 3 },
    ["a hang before the mail"] = { { hang = "MAIL" }, "timeout", 3 },
    ["a hang behind the mail"] = { { hang = "DOT" }, "unknown_outcome", 3 },
  } do
    it("tells " .. name, function()
      local answer = send({ case[1] }, {}, { timeout = "300ms" })
      assert.equal(case[2], answer.outcome, answer.message)
      local _, reply = next(case[1])
      if reply:match "^%d" then
        assert.matches(reply, answer.message, 1, true)
      end
      assert.equal(case[3], #seen(case[3]))
    end)
  end

  it("repeats with the same Message-ID until it is taken", function()
    local answer = send({ { close = "DOT" }, { dot = "451 later" }, {} }, {})
    assert.equal("ok", answer.outcome)
    assert.equal(3, answer.value.attempts)
    for _, one in ipairs(seen(3)) do
      assert.matches("Message-ID: <" .. KEY .. "@example.org>", one.message,
        1, true)
    end
  end)

  it("tells a refused connection", function()
    local answer = send({ {} }, {},
      { url = "smtp://127.0.0.1:" .. support.closed_port() })
    assert.equal("unavailable", answer.outcome)
  end)

  it("speaks no other protocol", function()
    assert.equal("rejected", send({ {} }, {},
      { url = "http://127.0.0.1:" .. peer.port }).outcome)
  end)
end)
