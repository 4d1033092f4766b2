runbook { service = "clock", summary = "Time, as answers", uses = { "*" } }

function run()
  local begin = clock.now()
  wait "90s"
  local passed = clock.now().seconds - begin.seconds
  log("%s %s %s", begin.text, passed, metric.query { expr = "errors" }.at)
  local live = deploy.release { version = "v1" }
  log("%s", live.since)
end
