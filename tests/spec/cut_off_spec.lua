-- A write whose driver process dies half-way: what the runbook and the journal
-- are told of it by the engine, after it has asked the driver's probe.
local C = require "tests.spec.support_cli"

describe("a deploy whose driver dies", function()
  before_each(function()
    C.open()
    C.sh([[mkdir -p releases/v1 releases/v2 blue green
      for v in v1 v2; do echo 1111111111 >releases/$v/REVISION; done
      ln -s $PWD/releases/v1 blue/current; ln -s $PWD/releases/v1 green/current
      printf '#!/bin/sh\n[ $1 = green ] && kill -9 $PPID; exit 0\n' >restart
      chmod +x restart]])
    local rows = {}
    for _, name in ipairs { "blue", "green" } do
      rows[#rows + 1] = ("{ name = %q, current = \"../../%s/current\", "
        .. "restart = { %q, %q } }"):format(name, name, C.path "restart", name)
    end
    C.environment(("deploy = { shop = { driver = \"symlink\", releases = "
      .. "\"../../releases\", instances = { %s } } },\n"):format(
      table.concat(rows, ", ")))
  end)
  after_each(C.close)

  it("is not said to have done nothing", function()
    C.book [[
      local ok, err = pcall(deploy.release, { version = "v2" })
      log("%s %s: %s", ok, err.outcome, err.message)]]
    local r = C.run("run --yes --confirm=lab runbooks/book.lua")
    assert.equal(0, r.status, r.all)
    assert.truthy(r.all:find("false not_reached: it was cut off half-way: "
      .. "blue points at v2, green points at v2", 1, true), r.all)
    assert.equal("not_reached", C.jq(C.journal(),
      'select(.kind == "result") | .answer.err.outcome'))
  end)
end)
