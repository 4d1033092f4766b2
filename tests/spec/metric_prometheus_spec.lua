local support = dofile "tests/spec/support_http.lua"

local function ask(binding, verb, args, more)
  return support.call("prometheus", "metric." .. verb, binding, args, more)
end

describe("a real Prometheus", function()
  local target, server, binding

  -- One counter and one gauge, as the peer's only page.
  local function expose(counter, gauge)
    target:script { { headers = { ["Content-Type"] = "text/plain" },
      body = ("shop_requests_total{code=\"200\"} %d\nshop_load %s\n")
        :format(counter, gauge) } }
  end

  setup(function()
    target = support.peer("http", {})
    expose(10, "0.5")
    server = support.peer("prometheus", nil, target.port)
    binding = { url = server:url "/", scrape_interval = "1s" }
    local ready = support.call("http", "http.check",
      { url = server:url "/-/ready" }, { within = "30s" })
    assert.equal("ok", ready.outcome)
    assert.equal("ok", ask(binding, "await", { expr = "shop_load", above = 0,
      within = "30s" }).outcome)
    -- It scrapes its two targets at different moments.
    assert.equal("ok", ask(binding, "await", { above = 5, within = "30s",
      expr = "count(prometheus_http_request_duration_seconds_bucket)" })
      .outcome)
  end)
  teardown(function()
    server:stop()
    target:stop()
  end)

  it("gives one number, with its age", function()
    local before = os.time()
    local answer = ask(binding, "query", { expr = "shop_load" })
    assert.equal("ok", answer.outcome)
    assert.equal(0.5, answer.value.value)
    assert.equal(1, answer.value.series)
    assert.equal("shop_load", answer.value.expr)
    assert.is_true(answer.value.age >= 0 and answer.value.age < 5)
    assert.is_true(math.abs(answer.value.at - before) < 10)
  end)

  it("gives scalars, and expressions without a selector", function()
    assert.equal(7, ask(binding, "query", { expr = "3 + 4" }).value.value)
    assert.equal(2, ask(binding, "query",
      { expr = "scalar(vector(2))" }).value.value)
  end)

  it("has no data where nothing matches", function()
    local answer = ask(binding, "query", { expr = "shop_nothing" })
    assert.equal("no_data", answer.outcome)
    assert.matches("shop_nothing", answer.message)
  end)

  it("has no data for 0/0 and x/0", function()
    local answer = ask(binding, "query",
      { expr = "(shop_load - shop_load) / (shop_load - shop_load)" })
    assert.equal("no_data", answer.outcome)
    assert.matches("0/0", answer.message)
    answer = ask(binding, "query", { expr = "shop_load / 0" })
    assert.equal("no_data", answer.outcome)
    assert.matches("divided by 0", answer.message)
  end)

  it("refuses several series, names them, and folds them", function()
    local answer = ask(binding, "query", { expr = "up" })
    assert.equal("rejected", answer.outcome)
    assert.matches("2 series", answer.message)
    assert.matches('job="peer"', answer.message, 1, true)
    assert.matches('job="self"', answer.message, 1, true)
    assert.matches("fold =", answer.message, 1, true)
    for fold, value in pairs { sum = 2, max = 1, min = 1, mean = 1 } do
      answer = ask(binding, "query", { expr = "up", fold = fold })
      assert.equal("ok", answer.outcome)
      assert.equal(value, answer.value.value)
      assert.equal(2, answer.value.series)
    end
    answer = ask(binding, "query", { expr = "up", fold = "median" })
    assert.equal("rejected", answer.outcome)
    assert.matches("sum, max, min, mean", answer.message)
  end)

  it("names at most five series", function()
    local answer = ask(binding, "query",
      { expr = "prometheus_http_request_duration_seconds_bucket" })
    assert.equal("rejected", answer.outcome)
    local _, count = answer.message:gsub("le=", "")
    assert.equal(5, count)
  end)

  it("hands on what Prometheus says of a bad query", function()
    local answer = ask(binding, "query", { expr = "up{" })
    assert.equal("rejected", answer.outcome)
    assert.matches("parse error: unexpected end of input", answer.message)
    answer = ask(binding, "query",
      { expr = 'label_replace(up, "a", "$1", "job", "((")' })
    assert.equal("rejected", answer.outcome)
    assert.matches("invalid regular expression", answer.message)
  end)

  it("refuses what is no number", function()
    for expr, kind in pairs { ['"text"'] = "string", ["up[5m]"] = "matrix" } do
      local answer = ask(binding, "query", { expr = expr })
      assert.equal("rejected", answer.outcome)
      assert.matches("gives a " .. kind, answer.message)
    end
  end)

  it("sums up a stretch of time", function()
    local answer = ask(binding, "range",
      { expr = "time()", last = "100s", step = "1s" })
    assert.equal("ok", answer.outcome)
    local v = answer.value
    assert.equal(101, v.count)
    assert.equal(101, #v.points)
    local function near(wanted, got)
      assert.is_true(math.abs(wanted - got) < 0.01, wanted .. " ~ " .. got)
    end
    near(v.first, v.points[1])
    near(v.last, v.points[101])
    near(v.first + 100, v.last)
    near(v.min, v.first)
    near(v.max, v.last)
    near(v.first + 50, v.mean)
    near(v.first + 50, v.median)
    near(v.first + 95, v.p95)
    assert.is_true(v.age < 2)
  end)

  it("folds a stretch at each time", function()
    local answer = ask(binding, "range",
      { expr = "up * 2", last = "2s", step = "1s", fold = "sum" })
    assert.equal("ok", answer.outcome)
    assert.equal(2, answer.value.series)
    assert.equal(4, answer.value.last)
  end)

  it("refuses more than 1000 points, and says the step", function()
    local answer = ask(binding, "range",
      { expr = "up", last = "1h", step = "1s" })
    assert.equal("rejected", answer.outcome)
    assert.matches("at least 3.6s", answer.message)
    answer = ask(binding, "range",
      { expr = "time()", last = "999s", step = "1s" })
    assert.equal(1000, answer.value.count)
  end)

  it("has no data for a stretch that is empty or only 0/0", function()
    assert.equal("no_data", ask(binding, "range",
      { expr = "shop_nothing", last = "5s", step = "1s" }).outcome)
    assert.equal("no_data", ask(binding, "range",
      { expr = "vector(0) / 0", last = "5s", step = "1s" }).outcome)
  end)

  it("waits for a number, and sees it change", function()
    expose(10, "0.1")
    local answer = ask(binding, "await", { expr = "shop_load", below = 0.1,
      within = "20s", holds = "1s" })
    assert.equal("ok", answer.outcome)
    assert.equal(0.1, answer.value.value)
    assert.is_true(answer.value.took >= 1 and answer.value.took < 20)
    expose(10, "0.5")
    answer = ask(binding, "await",
      { expr = "shop_load", above = 0.5, within = "20s" })
    assert.equal("ok", answer.outcome)
  end)

  it("names the last value when it was not reached", function()
    local answer = ask(binding, "await",
      { expr = "shop_load", below = 0.2, within = "1s" })
    assert.equal("not_reached", answer.outcome)
    assert.matches("is 0.5 after 1", answer.message)
    assert.matches("wanted at most 0.2", answer.message)
  end)

  it("never passes without data", function()
    local answer = ask(binding, "await",
      { expr = "shop_nothing", below = 100, within = "1s" })
    assert.equal("no_data", answer.outcome)
    assert.matches("no value in 1", answer.message)
    assert.matches("no series matches", answer.message)
  end)

  it("wants exactly one bound, and a hold that fits", function()
    for _, args in ipairs { {}, { below = 1, above = 0 },
      { below = 1, holds = "2s" } } do
      args.expr, args.within = "up", "1s"
      assert.equal("rejected", ask(binding, "await", args).outcome)
    end
  end)

  local function now()
    return tonumber((support.output "date +%s%3N"))
  end

  it("waits a window and a scrape after a change", function()
    local changed = now()
    local answer, said = ask(binding, "query",
      { expr = "sum(rate(shop_requests_total[4s]))" },
      { changed_at = changed })
    assert.is_true(now() >= changed + 5000)
    assert.equal("ok", answer.outcome)
    assert.matches("window of 4s and a scrape of 1s", said)
    assert.is_true(answer.value.at * 1000 >= changed)
  end)

  it("does not wait when the change is long ago", function()
    local begun = now()
    assert.equal("ok", ask(binding, "query", { expr = "shop_load" },
      { changed_at = begun - 60000 }).outcome)
    assert.is_true(now() < begun + 900)
  end)

  it("takes the window it is told", function()
    local changed = now()
    assert.equal("ok", ask(binding, "query",
      { expr = "max_over_time(shop_load[1h])", window = "1s" },
      { changed_at = changed }).outcome)
    assert.is_true(now() >= changed + 2000)
  end)

  it("says so when the wait would be too long", function()
    local begun = now()
    local answer = ask(binding, "query",
      { expr = "rate(shop_requests_total[5m])", timeout = "20s" },
      { changed_at = begun })
    assert.equal("timeout", answer.outcome)
    assert.matches("looks back 5m", answer.message)
    assert.matches("metric.await", answer.message)
    answer = ask(binding, "await",
      { expr = "rate(shop_requests_total[5m])", below = 1, within = "20s" },
      { changed_at = begun })
    assert.equal("timeout", answer.outcome)
    assert.is_true(now() < begun + 2000)
  end)

  -- The last of this server: its target goes away.
  it("does not believe samples of a target that is gone", function()
    target:script { { close = true } }
    local old = { url = binding.url, scrape_interval = "1s", max_age = "2s" }
    local expr = "avg_over_time(shop_load[5m])"
    local answer = support.eventually(function()
      local got = ask(old, "query", { expr = expr })
      return got.outcome ~= "ok" and got
    end, "the sample to be too old")
    assert.equal("no_data", answer.outcome)
    assert.matches("over 2s", answer.message)
    old.max_age = "1h"
    answer = ask(old, "query", { expr = expr })
    assert.equal("ok", answer.outcome)
    assert.is_true(answer.value.age >= 2)
    answer = ask(old, "query", { expr = expr, window = "0s" },
      { changed_at = now() })
    assert.equal("no_data", answer.outcome)
    assert.matches("from before this run's last change", answer.message)
  end)
end)

describe("what only a bad Prometheus answers", function()
  local peer

  setup(function() peer = support.peer("http", {}) end)
  teardown(function() peer:stop() end)
  before_each(function() peer:requests() end)

  local function query(script, binding)
    peer:script(script)
    binding = binding or {}
    binding.url = binding.url or peer:url()
    return ask(binding, "query", { expr = "up" })
  end

  local function body(rest)
    return { body = '{"status":"success",' .. rest
      .. '"data":{"resultType":"vector","result":[]}}' }
  end

  it("is asked by POST, with its prefix and credentials", function()
    query({ body "" }, { url = peer:url "/prom/", username = "ann",
      password = "s3cret" })
    local seen = peer:requests()[1]
    assert.equal("POST", seen.method)
    assert.equal("/prom/api/v1/query", seen.path)
    assert.equal("Basic YW5uOnMzY3JldA==", seen.headers["Authorization"])
    assert.matches("query=up", seen.body)
    assert.matches("timeout=%d+ms", seen.body)
  end)

  it("is partial with warnings", function()
    local answer = query { { body = '{"status":"success","warnings":["store'
      .. ' 3 is down"],"data":{"resultType":"vector","result":[{"metric":{},'
      .. '"value":[1,"5"]}]}}' } }
    assert.equal("partial", answer.outcome)
    assert.matches("store 3 is down", answer.message)
  end)

  it("is an error under status 200", function()
    local answer = query { { body =
      '{"status":"error","errorType":"execution","error":"too many samples"}'
    } }
    assert.equal("rejected", answer.outcome)
    assert.matches("execution: too many samples", answer.message)
  end)

  for status, outcome in pairs {
    [401] = "auth", [403] = "auth", [404] = "not_found", [422] = "rejected",
    [400] = "rejected", [429] = "retryable", [500] = "retryable",
    [502] = "retryable", [503] = "retryable", [504] = "retryable",
  } do
    it("calls a proxy's " .. status .. " " .. outcome, function()
      local answer = query { { status = status,
        headers = { ["Content-Type"] = "text/html" },
        body = "<html><b>no</b></html>" } }
      assert.equal(outcome, answer.outcome)
      assert.matches(tostring(status), answer.message)
      assert.not_matches("<b>", answer.message)
    end)
  end

  for kind, outcome in pairs { timeout = "timeout", bad_data = "rejected",
    unavailable = "retryable", internal = "retryable",
    execution = "rejected", not_found = "not_found" } do
    it("calls its own error " .. kind .. " " .. outcome, function()
      local answer = query { { status = 503, body =
        ('{"status":"error","errorType":"%s","error":"because"}')
          :format(kind) } }
      assert.equal(outcome, answer.outcome)
      assert.matches(kind .. ": because", answer.message)
    end)
  end

  it("is something else than Prometheus", function()
    for _, text in ipairs { "<html>Log in</html>", "", "[]", "{}",
      '{"status":"success"}',
      '{"status":"success","data":{"resultType":"vector","result":[]}} x',
      '{"status":"success","data":{"resultType":"vector","result":[{"met',
    } do
      local answer = query { { body = text } }
      assert.equal("rejected", answer.outcome, text)
    end
  end)

  it("breaks off in the middle of its answer", function()
    local answer = query { { body = body("").body, length = 5000 } }
    assert.equal("retryable", answer.outcome)
  end)

  it("hangs, is not there, or is elsewhere", function()
    for _, where in ipairs { "before", "within" } do
      local answer = query({ { hang = where, body = body("").body } },
        { timeout = "300ms" })
      assert.equal("timeout", answer.outcome)
    end
    local answer = query({}, { url = "http://127.0.0.1:"
      .. support.closed_port() })
    assert.equal("unavailable", answer.outcome)
    assert.matches("is Prometheus running", answer.message)
    answer = query { { status = 302,
      headers = { Location = "https://sso.example/?secret=1" } } }
    assert.equal("rejected", answer.outcome)
    assert.matches("to https://sso.example;", answer.message, 1, true)
  end)

  it("shows hostile text as text", function()
    local answer = query { { status = 400, body = '{"status":"error",'
      .. '"errorType":"bad_data","error":"\\u001b[2Jgone"}' } }
    assert.equal("rejected", answer.outcome)
    assert.not_matches("\27", answer.message)
    assert.matches("gone", answer.message)
  end)

  it("never shows user and password of the address", function()
    local answer = query({ { status = 500 } }, { url =
      ("http://ann:hidden@127.0.0.1:%s"):format(peer.port) })
    assert.equal("retryable", answer.outcome)
    assert.not_matches("hidden", answer.message)
    answer = query({}, { url = "http://x/?token=hidden" })
    assert.equal("rejected", answer.outcome)
    assert.not_matches("hidden", answer.message)
  end)

  it("is waited for while it is away", function()
    peer:script {
      { status = 503, times = 2 },
      { body = '{"status":"success","data":{"resultType":"vector",'
        .. '"result":[]}}', times = 1 },
      { body = '{"status":"success","data":{"resultType":"scalar",'
        .. '"result":[1,"0.01"]}}' },
    }
    local answer, said = ask({ url = peer:url(), scrape_interval = "200ms" },
      "await", { expr = "scalar(vector(1))", below = 0.02, within = "20s" })
    assert.equal("ok", answer.outcome)
    assert.equal(0.01, answer.value.value)
    assert.matches("retryable", said)
    assert.matches("no_data", said)
  end)

  it("is not waited for when it refuses", function()
    peer:script { { status = 401 } }
    local answer = ask({ url = peer:url(), scrape_interval = "200ms" },
      "await", { expr = "up", below = 0.02, within = "20s" })
    assert.equal("auth", answer.outcome)
    assert.equal(1, #peer:requests())
  end)

  it("names no data when that was the last of a wait", function()
    peer:script {
      { body = '{"status":"success","data":{"resultType":"scalar",'
        .. '"result":[1,"0.5"]}}', times = 1 }, body "",
    }
    local answer = ask({ url = peer:url(), scrape_interval = "200ms" },
      "await", { expr = "vector(1)", below = 0.02, within = "1s" })
    assert.equal("not_reached", answer.outcome)
    assert.matches("was 0.5", answer.message)
    assert.matches("at last: .*no series matches", answer.message)
  end)
end)
