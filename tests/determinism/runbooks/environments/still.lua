-- Nothing here remembers anything: every process meets the same world.
local function shell(text)
  return { driver = "command", argv = { "/bin/sh", "-c", text },
    probe = { "/bin/false" } }
end

local all = {}
for _, name in ipairs { "clock", "collide", "failing", "flow", "globals",
  "lpeg", "modules", "pairs", "parallel", "processes", "random", "sort",
  "text" } do
  all[name .. ".lua"] = { "* *" }
end

return {
  name = "still",
  deploy = { shop = { driver = "memory", version = "v2",
    releases = { "v1", "v2" } } },
  metric = { m = { driver = "memory",
    values = { errors = 0.2, load = { 1, 2.5, 3 }, quiet = {} } } },
  flag = { f = { driver = "memory", flags = { new = true } } },
  notify = { chat = { driver = "memory" },
    deaf = { driver = "memory", fail = { ["notify.send"] = "unavailable" } } },
  command = { hello = shell "echo hello", fails = shell "echo no >&2; exit 3",
    soon = shell "sleep 0.01; echo soon",
    late = shell "sleep 0.05; echo late" },
  grants = all,
}
