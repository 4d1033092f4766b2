-- The lab itself: that it comes up, that each bad release breaks what it
-- says and nothing else, that what the decisions rest on is true, and that
-- nothing is left when it goes down. Real servers throughout.

local lab = require "tests.tools.lab"
local LAB, WELL = lab.LAB, lab.WELL
local run, must, read, write = lab.run, lab.must, lab.read, lab.write
local ask, but, visit, sql, deploy = lab.ask, lab.but, lab.visit, lab.sql,
  lab.deploy

-- The newest good release before the live one, by the notes alone.
local function last_green()
  for commit in lab.git("rev-list --first-parent main"):gmatch("%x+") do
    local tag = lab.git("tag --points-at " .. commit):match("%S+")
    local notes = run("git -c safe.directory='*' -C %s/repo notes " ..
      "--ref=ci show %s", lab.state, commit)
    if tag and tag < "v2.5.0" and notes:find("success")
      and not notes:find("failure") then
      return tag
    end
  end
end

describe("the lab", function()
  setup(function()
    lab.scratch()
    must(LAB .. " up")
  end)

  teardown(lab.clean)

  it("comes up healthy, and up twice changes nothing", function()
    local before = must(LAB .. " status")
    assert.is_nil(before:find("not running"))
    assert.is_nil(before:find("unknown"))
    assert.truthy(before:find("blue +v2.4.0"))
    must(LAB .. " up")
    local pids = before:match("processes.-live")
    assert.equal(pids, must(LAB .. " status"):match("processes.-live"))
    assert.same(WELL, visit())
    assert.equal("200", sql "select count(*) from customers")
  end)

  it("writes an environment file that Lua reads", function()
    local path = must(LAB .. " env"):gsub("\n", "")
    local environment = assert(loadfile(path, "t", {}))()
    assert.equal("lab", environment.name)
    assert.equal(2, #environment.deploy.api.instances)
    assert.truthy(environment.grants["api.lua"])
    local secret = read(lab.state .. "/secrets/shop")
    assert.is_nil(read(path):find(secret, 1, true))
  end)

  it("breaks the product pages (errors)", function()
    must(LAB .. " break errors")
    assert.same(but { product = 500 }, visit())
    assert.equal("3", sql "select version from schema_migrations")
    assert.equal("v2.4.0", last_green())
    lab.await('sum(rate(http_requests_total{service="api",' ..
      'code="500"}[5s]))', 0.1, 20)
  end)

  it("breaks new orders and adds to the schema (additive)", function()
    must(LAB .. " break additive")
    assert.same(but { place = 500 }, visit())
    assert.equal("4", sql "select version from schema_migrations")
    deploy "v2.4.0"
    assert.same(WELL, visit())
  end)

  it("leaves no way back, only forward (breaking)", function()
    must(LAB .. " break breaking")
    assert.same(but { order = 500 }, visit())
    assert.equal("v2.4.0", last_green())
    deploy "v2.4.0"
    assert.equal(500, visit().order)
    deploy "v2.5.1"
    assert.same(WELL, visit())
  end)

  it("breaks new orders while the flag is on (flag)", function()
    must(LAB .. " break flag")
    assert.same(but { place = 500 }, visit())
    write(lab.state .. "/flags.json", '{"new-checkout": false}')
    assert.same(WELL, visit())
  end)

  it("is slow and does not fail (latency)", function()
    must(LAB .. " break latency")
    assert.same(WELL, visit())
    local _, seconds = ask "/orders/5"
    assert.is_true(seconds > 0.5)
    deploy "v2.4.0"
    _, seconds = ask "/orders/5"
    assert.is_true(seconds < 0.5)
  end)

  it("has a release that is well (none)", function()
    must(LAB .. " break none")
    assert.same(WELL, visit())
    assert.truthy(must(LAB .. " status"):find("blue +v2.5.0"))
  end)

  it("refuses a bad release that it does not know", function()
    local output, status = run(LAB .. " break nonsense")
    assert.equal(1, status)
    assert.truthy(output:find("errors additive breaking flag latency none"))
  end)

  it("keeps what Slack's webhook gets and refuses the rest", function()
    local url = read(lab.state .. "/environments/slack.url"):gsub("\n", "")
    local post = "curl -s -d '%s' %s"
    assert.equal("ok", (run(post, '{"text":"hello <&>"}', url)))
    assert.equal("invalid_payload", (run(post, "hello", url)))
    assert.equal("invalid_payload", (run(post, '["text"]', url)))
    assert.equal("invalid_token", (run(post, '{"text":"x"}', url .. "x")))
    local kept = read(lab.state .. "/received/slack.ndjson")
    assert.truthy(kept:find('"text": "hello <&>"', 1, true))
    assert.equal(1, select(2, kept:gsub("\n", "")))
  end)

  it("keeps mails", function()
    write(lab.directory .. "/mail", "Subject: a dot\r\n\r\n.\r\n..two\r\n")
    must("curl -s --mail-from a@lab.invalid --mail-rcpt b@lab.invalid " ..
      "-T %s/mail smtp://127.0.0.1:%s", lab.directory, lab.port "smtp")
    local kept = must("cat %s/received/mail/new/*", lab.state)
    assert.truthy(kept:find("Delivered-To: <b@lab.invalid>", 1, true))
    assert.truthy(kept:find("\r\n\r\n.\r\n..two\r\n", 1, true))
    assert.equal("", must("ls %s/received/mail/tmp", lab.state))
  end)

  it("leaves nothing when it goes down, whatever was killed", function()
    for _, name in ipairs { "postgres", "shop-blue", "haproxy" } do
      local pid = read(lab.state .. "/pids/" .. name):match("%d+")
      must("kill -9 " .. pid)
    end
    must(LAB .. " down")
    assert.is_false(lab.exists(lab.state))
    assert.equal("", lab.processes())
    assert.equal("", must("ls " .. lab.directory .. " | grep -v mail || true"))
    assert.truthy(must(LAB .. " down"):find("no lab is up"))
  end)
end)

describe("lab down", function()
  before_each(lab.scratch)
  after_each(lab.clean)

  it("cleans up after an up that was killed half-way", function()
    must("sh -c '%s up >/dev/null 2>&1 & for i in $(seq 200); do " ..
      "[ -f %s/pids/postgres ] && break; sleep 0.05; done; kill -9 $!'",
      LAB, lab.state)
    must(LAB .. " down")
    assert.is_false(lab.exists(lab.state))
    assert.equal("", lab.processes())
  end)

  it("leaves a process alone that only has a recorded pid", function()
    must("mkdir -m 700 -p %s/pids && touch %s/rbrun-lab", lab.state, lab.state)
    local pid = must("sleep 60 >/dev/null 2>&1 & echo $!"):match("%d+")
    write(lab.state .. "/pids/load", pid .. " 1\n")
    must(LAB .. " down")
    assert.is_true(lab.exists("/proc/" .. pid))
    must("kill " .. pid)
  end)

  it("leaves a directory alone that is no lab", function()
    must("mkdir %s && touch %s/precious", lab.state, lab.state)
    for _, command in ipairs { "up", "down" } do
      local output, status = run(LAB .. " " .. command)
      assert.equal(1, status)
      assert.truthy(output:find("not a lab of yours", 1, true))
      assert.is_true(lab.exists(lab.state .. "/precious"))
    end
    must("rm -r " .. lab.state)
  end)
end)
