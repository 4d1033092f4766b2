-- Mistakes in a binding that a driver finds when the environment is read.
local S = require "tests.spec.support_deploy"

local function with(base, change)
  local copy = {}
  for k, v in pairs(base) do copy[k] = v end
  for k, v in pairs(change) do
    copy[k] = v ~= "-" and v or nil
  end
  return copy
end

local command = { argv = { "true" } }
local deploy = { release = { "true", "{version}" }, current = { "true" } }
local haproxy = { socket = "s", backend = "b", instances = { blue = "one" } }
local symlink = { releases = "r", instances = {
  { name = "blue", current = "c", restart = { "true" }, health = "u" } } }

local rows = {
  { "command", "command.run", command },
  { "command", "command.run", with(command, { argv = {} }), "argv: is empty" },
  { "command", "command.run", with(command, { argv = { 1 } }),
    "argv: entry 1 is not a text" },
  { "command", "command.run", with(command, { probe = { "a", false } }),
    "probe: entry 2 is not a text" },
  { "command", "command.run", with(command, { environment = { 1 } }),
    "environment: entry 1" },
  { "command", "command.run", with(command, { set = { A = 1 } }), "set: A" },
  { "command", "command.run", with(command, { set = { ["A=B"] = "x" } }),
    "set: A=B" },
  { "command", "deploy.release", deploy },
  { "command", "deploy.release", with(deploy, { health = { {} } }),
    "health: entry 1" },
  { "haproxy", "deploy.shift", haproxy },
  { "haproxy", "deploy.shift",
    with(haproxy, { socket = "-", address = "127.0.0.1:1" }) },
  { "haproxy", "deploy.shift", with(haproxy, { socket = "-" }),
    "either socket or address" },
  { "haproxy", "deploy.shift", with(haproxy, { address = "127.0.0.1:1" }),
    "either socket or address" },
  { "haproxy", "deploy.shift",
    with(haproxy, { socket = "-", address = "10.0.0.1:1" }), "loopback" },
  { "haproxy", "deploy.shift", with(haproxy, { backend = "a b" }),
    "backend is not" },
  { "haproxy", "deploy.shift", with(haproxy, { instances = {} }),
    "instances is empty" },
  { "haproxy", "deploy.shift", with(haproxy, { instances = { a = "x;y" } }),
    "instances: a is not" },
  { "symlink", "deploy.release", symlink },
  { "symlink", "deploy.release", with(symlink, { instances = {} }),
    "list of 1 to 64" },
  { "symlink", "deploy.release",
    with(symlink, { instances = { { name = "a" } } }), "entry 1 needs name" },
  { "symlink", "deploy.release",
    with(symlink, { instances = { { name = "a", current = "c",
                                    heath = "u" } } }), "entry 1: heath is" },
  { "symlink", "deploy.release",
    with(symlink, { instances = { { name = "a", current = "c",
                                    restart = "x" } } }),
    "entry 1: restart is" },
  { "symlink", "deploy.release",
    with(symlink, { instances = { { name = "a", current = "c",
                                    restart = {} } } }), "restart: is empty" },
}

describe("a binding of driver", function()
  local dir

  before_each(function() dir = S.scratch() end)
  after_each(function() S.remove(dir) end)

  for n, row in ipairs(rows) do
    it(("%s, row %d, is %s"):format(row[1], n, row[4] or "fine"), function()
      local a = S.call(dir, { driver = row[1], verb = row[2],
                              binding = row[3], mode = "check" })
      assert.equal(row[4] and "rejected" or "ok", a.outcome, a.message)
      assert.truthy(a.message:find(row[4] or "", 1, true), a.message)
    end)
  end
end)
