-- The last resort: take the newest migration of the database back, when
-- neither the older code nor a newer release can live with it. What it would
-- lose is counted first, and lost only as far as somebody has agreed.

runbook {
  service   = "api",
  summary   = "Take the newest migration of the api's database back",
  objective = "15m",
  uses      = {
    "deploy.current", "migrate.status", "migrate.rehearse", "migrate.loss",
    "migrate.down", "snapshot.take",
  },
  inputs    = {
    accept = "int=0", -- rows of each object that may be lost
  },
}

-- What may be lost: so many rows of each thing that would lose some.
local function agreed(loss, most)
  local accepted = {}
  for _, item in ipairs(loss.items) do
    log("%s: %s, %s", item.object, item.text,
      item.rows and ("%d"):format(item.rows) or "nobody knows how many")
    if not item.fails and most > 0 then
      accepted[item.object] = most
    end
  end
  return accepted
end

function run(input)
  local live = deploy.current { target = "api" }
  local now = migrate.status { database = "api" }
  local way = { database = "api", expect = now.version, at = live.commit }
  local trial = step("rehearse it on a copy of the schema", function()
    return migrate.rehearse(way)
  end)
  if not trial.applies or trial.restores == "no" then
    finish { as = "gate", because = "rehearsed, the way down fails: "
      .. (trial.error or table.concat(trial.missing, ", ")) }
  end
  local loss = step("count what it would lose", function()
    return migrate.loss(way)
  end)
  if #loss.fails > 0 then
    finish { as = "gate", because = "it would fail: "
      .. table.concat(loss.fails, ", ") }
  end
  way.accept_loss = agreed(loss, input.accept)
  step("take " .. now.version .. " back", function()
    way.snapshot = snapshot.take { of = "api",
      note = "before " .. now.version .. " is taken back" }.id
    migrate.down(way)
  end)
  finish { as = "recovered", because = now.version .. " is taken back" }
end
