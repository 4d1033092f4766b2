return {
  name = "bench",
  flag = { main = { driver = "memory", flags = { checkout = false } } },
  command = { nothing = { driver = "command", argv = { "/bin/true" } } },
  grants = {
    ["calls.lua"] = { "clock.*", "flag.* *", "command.* *", "wait.*" },
  },
}
