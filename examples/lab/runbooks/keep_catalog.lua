-- Before a release goes live: keep what the schema is, and the statements
-- that the live code sends, for the day on which it has to come back.

runbook {
  service = "api",
  summary = "Keep the catalog of the live version's database",
  uses    = { "deploy.current", "snapshot.catalog" },
}

function run()
  local live = deploy.current { target = "api" }
  snapshot.catalog { of = "api", commit = live.commit }
end
