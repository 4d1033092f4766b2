-- Traffic shares, against a real HAProxy on loopback.
local S = require "tests.spec.support_deploy"

describe("the haproxy driver of deploy", function()
  local dir, pid, ports, binding

  -- A command to HAProxy itself, by another way than the driver's.
  local function ask(command)
    return S.output(("python3 -c %s %s %s"):format(S.quote [[
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
print(s.makefile().read().strip())
]], S.quote(dir .. "/admin.sock"), S.quote(command)))
  end

  local function weights()
    local one, two = ask("get weight shop/one; get weight shop/two")
      :match "^(%d+) .-(%d+) %("
    return one .. "/" .. two
  end

  setup(function()
    dir = S.scratch()
    ports = S.ports(2)
    S.spew(dir .. "/haproxy.cfg", ([[
global
  stats socket %s/admin.sock mode 600 level admin
  stats socket %s/user.sock mode 600 level operator
  stats socket ipv4@127.0.0.1:%d level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
backend shop
  balance roundrobin
  server one 127.0.0.1:9 weight 10
  server two 127.0.0.1:9 weight 10
  server three 127.0.0.1:9 weight 0
  server down 127.0.0.1:%d weight 0 check inter 50ms fall 1
backend fixed
  balance source
  server one 127.0.0.1:9
  server two 127.0.0.1:9
]]):format(dir, dir, ports[1], ports[2]))
    pid = S.start(("env PATH=$PATH:/usr/sbin haproxy -db -f %s/haproxy.cfg")
                    :format(dir), dir .. "/haproxy.log")
    S.eventually(function()
      local log = S.slurp(dir .. "/haproxy.log")
      return log and log:find("Server shop/down is DOWN", 1, true)
    end, "HAProxy to see its server down")
  end)

  teardown(function()
    if pid then S.stop(pid) end
    S.remove(dir)
  end)

  before_each(function()
    binding = { socket = "admin.sock", backend = "shop",
                instances = { blue = "one", green = "two" } }
    local commands = {}
    for _, name in ipairs { "one", "two" } do
      for _, what in ipairs { "shop/%s state ready", "shop/%s weight 10",
                              "fixed/%s weight 100%%" } do
        commands[#commands + 1] = "set server " .. what:format(name)
      end
    end
    commands[#commands + 1] = "set server shop/three weight 0"
    ask(table.concat(commands, "; "))
  end)

  after_each(function() os.execute("rm -rf " .. dir .. "/run") end)

  local function call(verb, args, more)
    local c = { driver = "haproxy", verb = "deploy." .. verb,
                binding = binding, args = args }
    for k, v in pairs(more or {}) do c[k] = v end
    return S.call(dir, c)
  end

  local function shift(map, more)
    return call("shift", { weights = map }, more)
  end

  it("reads the shares", function()
    local a = call "current"
    assert.equal("ok", a.outcome, a.message)
    assert.same({ blue = 50, green = 50 }, a.value.weights)
    assert.is_nil(a.value.version)
    assert.is_true(a.value.healthy)
    assert.equal(2, #a.value.instances)
  end)

  it("names the one that has it all", function()
    assert.equal("ok", shift({ blue = 0, green = 100 }).outcome)
    local a = call "current"
    assert.equal("green", a.value.version)
    assert.equal("0/100", weights())
  end)

  it("shifts, and tells how it was", function()
    local a = shift { blue = 70, green = 30 }
    assert.same({ weights = { blue = 70, green = 30 },
                  before = { blue = 50, green = 50 } }, a.value)
    assert.equal("70/30", weights())
    a = shift({ green = 100 }, { key = ("e"):rep(64) })
    assert.same({ blue = 0, green = 100 }, a.value.weights)
    assert.same({ blue = 70, green = 30 }, a.value.before)
    assert.equal("0/100", weights())
  end)

  it("gives more before it takes away", function()
    ask "set server shop/two weight 0"
    os.execute("rm -f " .. dir .. "/progress")
    shift { blue = 0, green = 100 }
    assert.equal("green gets 100 percent\nblue gets 0 percent\n",
                 S.slurp(dir .. "/progress"))
  end)

  for _, map in ipairs { { blue = 60, green = 30 }, { blue = 101, green = -1 },
                         { blue = 99.5, green = 0.5 }, {} } do
    it("refuses weights that are no shares", function()
      assert.equal("rejected", shift(map).outcome)
      assert.equal("10/10", weights())
    end)
  end

  it("refuses an instance that the environment does not name", function()
    assert.equal("not_found", shift({ three = 100 }).outcome)
  end)

  it("sends nothing to a server that is down", function()
    binding.instances.green = "down"
    local a = shift { blue = 50, green = 50 }
    assert.equal("conflict", a.outcome)
    assert.truthy(a.message:find("green is down, so it cannot get 50", 1,
                                 true))
    assert.equal("10/10", weights())
  end)

  for state, word in pairs { drain = "draining", maint = "in maintenance" } do
    it("respects the state " .. state, function()
      ask("set server shop/two state " .. state)
      local a = shift { green = 100 }
      assert.equal("conflict", a.outcome)
      assert.truthy(a.message:find("green is " .. word, 1, true))
      a = call "current"
      assert.same({ blue = 100, green = 0 }, a.value.weights)
      assert.equal("blue", a.value.version)
      assert.is_false(a.value.healthy)
    end)
  end

  it("refuses while a server it does not know takes traffic", function()
    ask "set server shop/three weight 10"
    local a = shift { blue = 100 }
    assert.equal("conflict", a.outcome)
    assert.truthy(a.message:find("server three of backend shop", 1, true))
  end)

  it("tells a refusal from an answer", function()
    binding.socket = "user.sock"
    local a = shift { blue = 100 }
    assert.equal("auth", a.outcome)
    assert.truthy(a.message:find("Permission denied", 1, true))
    assert.truthy(a.message:find('now {"blue":50,"green":50}', 1, true))
    assert.equal("ok", call("current").outcome)
    binding.socket, binding.backend = "admin.sock", "shoop"
    assert.equal("not_found", call("current").outcome)
    binding.backend, binding.instances.blue = "shop", "zero"
    a = shift { blue = 100 }
    assert.equal("not_found", a.outcome)
    assert.truthy(a.message:find("no server zero (instance blue)", 1, true))
  end)

  it("speaks over loopback too, and over no other address", function()
    binding.socket, binding.address = nil, "127.0.0.1:" .. ports[1]
    assert.equal("ok", shift({ blue = 100 }).outcome)
    binding.address = "192.0.2.1:" .. ports[1]
    local a = shift { blue = 100 }
    assert.equal("rejected", a.outcome)
    assert.truthy(a.message:find("not a loopback address", 1, true))
  end)

  it("does all or nothing where the algorithm allows no more", function()
    binding.backend = "fixed"
    assert.equal("ok", shift({ green = 100 }).outcome)
    local a = shift({ blue = 40, green = 60 }, { key = ("e"):rep(64) })
    assert.equal("rejected", a.outcome)
    assert.truthy(a.message:find("static LB algorithm", 1, true))
    assert.equal("green", call("current").value.version)
  end)

  it("says when nobody listens", function()
    binding.socket = "missing.sock"
    assert.equal("unavailable", shift({ blue = 100 }).outcome)
    local mute = S.start(("python3 -c %s"):format(S.quote(([[
import socket
s = socket.socket(socket.AF_UNIX)
s.bind("%s/mute.sock")
s.listen(5)
kept = []
while True:
    kept.append(s.accept())
]]):format(dir))))
    S.eventually(function() return os.execute("test -S " .. dir .. "/mute.sock")
    end, "the socket")
    binding.socket, binding.timeout = "mute.sock", "300ms"
    assert.equal("timeout", call("current").outcome)
    assert.equal("timeout", shift({ blue = 100 }).outcome)
    S.stop(mute)
  end)

  it("settles by reading back", function()
    assert.is_false(shift({ green = 100 }, { probe = true }).value.applied)
    shift { green = 100 }
    local a = shift({ green = 100 }, { probe = true })
    assert.same({ applied = true,
                  value = { weights = { blue = 0, green = 100 },
                            before = { blue = 50, green = 50 } } }, a.value)
    binding.socket = "missing.sock"
    assert.equal("unknown_outcome",
                 shift({ green = 100 }, { probe = true }).outcome)
  end)

  it("knows a shift that was cut off half-way, and how it was", function()
    local map = { blue = 0, green = 100 }
    shift(map)
    -- As if it had been killed between its two commands.
    ask "set server shop/one weight 10"
    ask "set server shop/two weight 40"
    local a = shift(map, { probe = true })
    assert.is_false(a.value.applied)
    assert.equal('the percents are now {"blue":20,"green":80}',
                 a.value.partly)
    -- Made again, it tells the shares of before the first time.
    a = shift(map)
    assert.same({ blue = 50, green = 50 }, a.value.before)
    -- Back as it was, nothing of it is there.
    ask "set server shop/one weight 10"
    ask "set server shop/two weight 10"
    assert.same({ applied = false }, shift(map, { probe = true }).value)
  end)

  it("does not say that nothing happened when the second is refused",
     function()
    -- Somebody in between lets the first command through only.
    S.spew(dir .. "/between.py", ([[
import socket
listening = socket.socket(socket.AF_UNIX)
listening.bind("%s/between.sock")
listening.listen(5)
sets = 0
while True:
    near, _ = listening.accept()
    command = near.recv(4096)
    sets += command.startswith(b"set weight")
    if command.startswith(b"set weight") and sets > 1:
        near.sendall(b"Permission denied\n")
    else:
        far = socket.socket(socket.AF_UNIX)
        far.connect("%s/admin.sock")
        far.sendall(command)
        while True:
            part = far.recv(65536)
            if not part:
                break
            near.sendall(part)
    near.close()
]]):format(dir, dir))
    local between = S.start("python3 " .. dir .. "/between.py")
    S.eventually(function()
      return os.execute("test -S " .. dir .. "/between.sock")
    end, "the socket between")
    binding.socket = "between.sock"
    local a = shift { blue = 40, green = 60 }
    S.stop(between)
    os.remove(dir .. "/between.sock")
    assert.equal("not_reached", a.outcome)
    assert.truthy(a.message:find("Permission denied", 1, true))
    assert.truthy(a.message:find("the percents are now", 1, true))
  end)
end)
