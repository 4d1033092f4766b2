-- Flags in a file that an application reads at any moment.
local S = require "tests.spec.support_deploy"
local json = require "dkjson"
local lfs = require "lfs"

describe("the file driver of flag", function()
  local dir, path

  before_each(function()
    dir = S.scratch()
    path = dir .. "/flags.json"
    S.spew(path, '{"new-checkout": true, "zebra": false, "note": "text"}\n')
  end)
  after_each(function() S.remove(dir) end)

  local function call(verb, args, more)
    local c = { driver = "file", verb = "flag." .. verb,
                binding = { path = "flags.json" }, args = args }
    for k, v in pairs(more or {}) do c[k] = v end
    return S.call(dir, c)
  end

  local function files()
    local names = {}
    for name in lfs.dir(dir) do
      if name:find "flags" then names[#names + 1] = name end
    end
    return names
  end

  it("reads a flag", function()
    assert.same({ flag = "new-checkout", on = true },
                call("get", { flag = "new-checkout" }).value)
    assert.is_false(call("get", { flag = "zebra" }).value.on)
  end)

  it("switches a flag and leaves the others, in their order", function()
    local a = call("set", { flag = "new-checkout", on = false })
    assert.same({ flag = "new-checkout", on = false, before = true }, a.value)
    local text = S.slurp(path)
    assert.same({ ["new-checkout"] = false, zebra = false, note = "text" },
                json.decode(text))
    assert.truthy(text:find "new%-checkout.*zebra.*note")
    assert.same({ "flags.json" }, files())
  end)

  it("does not touch the file when there is nothing to change", function()
    local before = lfs.attributes(path, "ino")
    local a = call("set", { flag = "new-checkout", on = true })
    assert.is_true(a.value.before)
    assert.equal(before, lfs.attributes(path, "ino"))
  end)

  it("keeps mode and link", function()
    os.execute(("mkdir %s/real && mv %s %s/real && chmod 640 %s/real/* && " ..
                "ln -s real/flags.json %s"):format(dir, path, dir, dir, path))
    assert.equal("ok", call("set", { flag = "zebra", on = true }).outcome)
    assert.equal("link", lfs.symlinkattributes(path, "mode"))
    assert.equal("rw-r-----",
                 lfs.attributes(dir .. "/real/flags.json", "permissions"))
    assert.is_true(call("get", { flag = "zebra" }).value.on)
  end)

  it("creates neither a flag nor a file", function()
    local a = call("set", { flag = "nwe-checkout", on = true })
    assert.equal("not_found", a.outcome)
    assert.truthy(a.message:find("nwe-checkout", 1, true))
    os.remove(path)
    assert.equal("not_found", call("get", { flag = "zebra" }).outcome)
    assert.equal("not_found", call("set", { flag = "zebra", on = true })
                                .outcome)
    assert.same({}, files())
  end)

  it("refuses what is no flag file", function()
    assert.equal("rejected", call("get", { flag = "note" }).outcome)
    for _, text in ipairs { "", "{", "[true]", '{"a":true,"a":false}',
                            '{"a":true} x', ("x"):rep(2 << 20) } do
      S.spew(path, text)
      local a = call("set", { flag = "a", on = true })
      assert.equal("rejected", a.outcome)
      assert.truthy(a.message:find("flags.json", 1, true))
      assert.equal(text, S.slurp(path))
    end
  end)

  it("waits for another writer, and gives up in time", function()
    local holder = S.start(("flock -F %s sleep 30"):format(path))
    S.eventually(function()
      return os.execute(("! flock -n %s true"):format(path))
    end, "the lock")
    local a = call("set", { flag = "zebra", on = true })
    assert.equal("retryable", a.outcome)
    assert.truthy(a.message:find("locked by another process", 1, true))
    assert.is_true(call("get", { flag = "zebra" }).outcome == "ok")
    S.stop(holder)
  end)

  it("loses no change of twenty writers at once", function()
    local all = {}
    for i = 1, 20 do all["f" .. i] = false end
    S.spew(path, json.encode(all))
    local commands = {}
    for i = 1, 20 do
      local own = dir .. "/w" .. i
      lfs.mkdir(own)
      commands[i] = "(" .. S.command(own, {
        driver = "file", verb = "flag.set", binding = { path = path },
        args = { flag = "f" .. i, on = true } }) .. ") >/dev/null 2>&1 &"
    end
    os.execute(table.concat(commands, "\n") .. "\nwait")
    for name, on in pairs(json.decode(S.slurp(path))) do
      assert.is_true(on, name)
    end
  end)

  it("leaves the old file on a full disk", function()
    local full = dir .. "/full"
    lfs.mkdir(full)
    local c = S.command(dir, { driver = "file", verb = "flag.set",
                               binding = { path = full .. "/flags.json" },
                               args = { flag = "new-checkout", on = false } })
    -- A disk of our own, in a name space that ends with the command.
    local text = S.output(("unshare -rm sh -c %s"):format(S.quote(([[
      mount -t tmpfs -o size=16k none %s && cp flags.json %s/ || exit 9
      head -c 100000 /dev/zero >%s/filler 2>/dev/null
      %s
      cat %s/flags.json; ls %s]]):format(full, full, full, c, full, full)))
      :gsub("^", "cd " .. dir .. " && "))
    local answer = assert(json.decode(text), text)
    assert.equal("retryable", answer.outcome)
    assert.truthy(answer.message:find("No space left on device", 1, true))
    assert.truthy(text:find('"new-checkout": true, "zebra": false', 1, true))
    assert.falsy(text:find("flags.json.rbrun", 1, true))
  end)

  it("settles by reading", function()
    local args = { flag = "new-checkout", on = false }
    assert.is_false(call("set", args, { probe = true }).value.applied)
    call("set", args)
    assert.same({ applied = true, value = { flag = "new-checkout", on = false,
                                            before = true } },
                call("set", args, { probe = true }).value)
    S.spew(path, "{")
    assert.equal("unknown_outcome",
                 call("set", args, { probe = true }).outcome)
  end)
end)
