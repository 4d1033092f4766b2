-- A secret is a reference: its value reaches the driver that needs it, and
-- nothing that is written, shown or jailed.

local cli = require "tests.spec.support_cli"

-- With what JSON, URLs and shells treat as special.
local SECRET = [[Tr0ub4dor&3"\/%+ é]]
local REDACTED = "[TOKEN]"

before_each(function()
  cli.open()
  cli.write("secret.txt", SECRET .. "\n")
end)
after_each(cli.close)

local function quoted(text)
  return "SECRET=" .. cli.quote(text)
end

-- A command whose environment holds the secret, and prints it in each dress.
local function environment(reference, script)
  cli.write("say.sh", script or [[
    echo "plain $TOKEN"
    printf '%s' "$TOKEN" | jq -R -c '{token: .}'
    printf '%s' "$TOKEN" | jq -R -r '"http://u:" + @uri + "@h/"'
    echo "again $TOKEN" >&2
  ]])
  cli.environment(cli.BINDINGS .. ([[command = { say = { driver = "command",
    argv = { "/bin/sh", "../../say.sh" }, set = { TOKEN = "%s" } } },
  ]]):format(reference))
end

local BODY = [[
  local said = command.run {}
  log("it said %s", said.output)
  notify.send { text = said.output }
  finish { as = "recovered", because = said.output }]]

-- Every dress in which a value may be met again.
local function dresses(value)
  local json = value:gsub('[\\"]', "\\%0")
  local ascii = json:gsub("é", "\\u00e9")
  local url = value:gsub("[^%w%-_.~]", function(c)
    return ("%%%02X"):format(c:byte())
  end)
  return { value, json, ascii, json:gsub("/", "\\/"), url, url:lower() }
end

-- Nothing in the state directory, and nothing of these texts, holds it.
local function nowhere(...)
  for i, value in ipairs(dresses(SECRET)) do
    for _, text in ipairs { ... } do
      assert.is_nil(text:find(value, 1, true), i .. ": " .. text)
    end
    cli.write("needle", value)
    local hits = cli.sh "grep -r -l -F -f needle state 2>/dev/null"
    assert.equal("", hits, "dress " .. i)
  end
end

local RUN = "run runbooks/book.lua --yes"

describe("a secret", function()
  local CREDENTIALS

  before_each(function()
    cli.sh "mkdir credentials && cp secret.txt credentials/token"
    CREDENTIALS = "CREDENTIALS_DIRECTORY=" .. cli.path "credentials"
  end)

  for reference, settings in pairs {
    ["env:SECRET"] = quoted(SECRET), ["file:../../secret.txt"] = "",
    ["credential:token"] = true,
  } do
    it("given as " .. reference .. " is used, and never shown", function()
      environment(reference)
      cli.book(BODY)
      settings = settings == true and CREDENTIALS or settings
      local results = {}
      for _, command in ipairs { RUN, RUN .. " --json",
        "plan runbooks/book.lua", "plan runbooks/book.lua --json",
        "show last", "show last --json", "export last", "replay last --json",
        "history", "status last", "doctor -e lab" } do
        local result = cli.run(command, settings)
        -- A build with sanitizers has no whole jail to find.
        local finds = cli.sanitized and command:find("doctor", 1, true)
        assert.equal(finds and 2 or 0, result.status,
          command .. "\n" .. result.all)
        results[#results + 1] = result.all
      end
      nowhere(table.unpack(results))
      assert.truthy(results[1]:find(REDACTED, 1, true), results[1])
      -- What people are told goes out through the engine: redacted as well.
      assert.truthy(cli.read "world.json":find(REDACTED, 1, true))
      assert.is_nil(cli.read "world.json":find("Tr0ub", 1, true))
    end)
  end

  it("is in no message of a command that fails", function()
    environment("env:SECRET", "echo \"no: $TOKEN\" >&2; exit 3")
    cli.book "command.run {}"
    local result = cli.run(RUN, quoted(SECRET))
    assert.are_not.equal(0, result.status)
    assert.truthy(result.all:find("no: ", 1, true), result.all)
    nowhere(result.all)
  end)

  it("hides the password that stands in a connection string", function()
    for _, url in ipairs {
      [[host=h password = 'Corr\'ect h@rse' dbname=x]],
      [[postgresql://u:Corr%27ect%20h%40rse@h/x]],
      [[postgresql://h/x?user=u&password=Corr%27ect%20h%40rse&port=1]],
    } do
      environment("env:SECRET", [[
        echo "p Corr'ect h@rse q"
        echo "postgresql://u:Corr%27ect%20h%40rse@other/"
      ]])
      cli.book(BODY)
      local result = cli.run(RUN, quoted(url))
      assert.equal(0, result.status, result.all)
      assert.is_nil(result.all:find("h@rse", 1, true), result.all)
      assert.is_nil(result.all:find("h%40rse", 1, true), result.all)
      assert.equal("", cli.sh "grep -r -l -e h@rse -e h%%40rse state || :")
    end
  end)

  it("is in no artifact of a call", function()
    environment("env:SECRET")
    cli.book "command.run {}"
    assert.equal(0, cli.run(RUN, quoted(SECRET)).status)
    assert.are_not.equal("", cli.sh "find state -name 'call-*.log'")
    nowhere()
  end)

  it("is not in the worker's environment", function()
    environment("env:SECRET", [[
      for p in /proc/[0-9]*; do
        read -r name <$p/comm || continue
        [ "$name" = rbrun-worker ] || continue
        printf 'has=%s:%s\n' "$(tr '\0' ' ' <$p/environ)" "$(cat $p/comm)"
      done]])
    cli.book "log(\"%s\", command.run {}.output)"
    local result = cli.run(RUN, quoted(SECRET))
    assert.equal(0, result.status, result.all)
    local found = 0
    for has in result.err:gmatch "has=([^:]*):rbrun%-worker" do
      -- Nothing while it starts, then this alone.
      assert.is_true(has == "" or has == "LC_ALL=C ", has)
      found = found + 1
    end
    assert.is_true(found > 0, result.err)
    nowhere(result.all)
  end)

  it("that is missing is named by its reference", function()
    environment("env:RB_NO_SUCH")
    cli.book(BODY)
    local result = cli.run(RUN)
    assert.are_not.equal(0, result.status)
    assert.truthy(result.all:find("env:RB_NO_SUCH", 1, true), result.all)
    assert.truthy(result.all:find("export RB_NO_SUCH", 1, true), result.all)
    environment("file:../../none.txt")
    assert.truthy(cli.run "doctor -e lab".all
      :find("file:../../none.txt", 1, true))
  end)

  it("that is checked says its length, and no more", function()
    environment("env:SECRET")
    cli.book [[
      local s = secret.check { secret = "env:SECRET" }
      log("%s %d", tostring(s.present), s.bytes)
      local none = secret.check { secret = "env:RB_NO_SUCH" }
      log("and %s", none and tostring(none.present) or "unknown") ]]
    local result = cli.run(RUN, quoted(SECRET))
    assert.equal(0, result.status, result.all)
    assert.truthy(result.err:find("true " .. #SECRET, 1, true), result.err)
    assert.is_nil(result.err:find("and true", 1, true), result.err)
    nowhere(result.all)
  end)

  it("that is part of an address is not shown with it", function()
    cli.environment(cli.BINDINGS .. [[http = { api = { driver = "http",
      url = "env:ADDRESS" } },
    ]])
    cli.book [[
      local ok, err = http.check {}
      finish { as = "gate", because = err.message }]]
    local result = cli.run(RUN, "ADDRESS=http://u:hunter22@127.0.0.1:1/t0k3n")
    assert.equal(5, result.status, result.all)
    for _, text in ipairs { result.all, cli.journal(),
      cli.run "show last".all } do
      assert.is_nil(text:find("hunter22", 1, true), text)
      assert.is_nil(text:find("t0k3n", 1, true), text)
    end
  end)
end)
