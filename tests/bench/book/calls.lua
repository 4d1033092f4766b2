runbook {
  summary = "As many calls as are asked for",
  service = "bench",
  owner = "bench",
  uses = { "clock.now", "flag.set", "command.run", "wait.sleep" },
  inputs = {
    clock = "int=0",
    flags = "int=0",
    commands = "int=0",
    wait = "duration?",
  },
}

function run(input)
  for _ = 1, input.clock do
    clock.now()
  end
  for i = 1, input.flags do
    flag.set { flag = "checkout", on = i % 2 == 0 }
  end
  for _ = 1, input.commands do
    command.run {}
  end
  if input.wait then
    wait(input.wait)
  end
end
