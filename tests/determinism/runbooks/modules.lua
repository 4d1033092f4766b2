local decide = require "decide"
local verify = require "verify"
local tell = require "tell"
local one = require "parts.part1"
local three = require "parts.part3"

runbook { service = "modules", summary = "Modules of rbrun's and of its own",
  uses = { "*" } }

function run()
  log("%s %s", tostring(one.next.next == three), tostring(one))
  for key, value in pairs(one) do
    log("%s %s", key, type(value))
    if key == "field3" then
      break
    end
  end
  log("%s %s", one.look(), one.next.next.look())
  local d = decide.by {
    rules = {
      { name = "errors", value = one.look(), op = "above", threshold = 0.1,
        pushes = "rollback" },
      { name = "unknown", value = nil, veto = { "rollback" },
        unknown = "veto" },
      { name = "load", value = 3, op = "at_least", threshold = 3,
        pushes = "wait" },
    },
    order = { "rollback", "wait", "escalate" },
  }
  log("%s, because %s", d.action, d.because)
  log("%s", tostring(select(2, verify.recovered {
    { expr = "errors", below = 0.5 }, { expr = "load", below = 1 },
    within = "2m", holds = "10s" })))
  log("%s", tostring(select(2, tell.all { channels = { "chat", "deaf" },
    text = "told" })))
end
