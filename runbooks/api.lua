-- Takes a bad release of the api service out of production.
--
-- The policy, in the order in which it is asked:
--   1. Nothing is wrong (errors and p95 below their limits): change nothing.
--   2. It cannot be told whether something is wrong: change nothing, say so.
--   3. Most errors come through a feature flag that is on: switch it off.
--   4. Older code starts on the database as it is now, and can live with it:
--      roll back to the newest tagged release that the CI found good.
--   5. It cannot: roll forward to a good release tagged after this one, if
--      it needs no migration of its own.
--   6. Otherwise a person is needed.
-- Before a deploy the database is copied; afterwards the service has to show
-- that it recovered, or what was done is undone.

local decide, verify, tell = require "decide", require "verify", require "tell"

runbook {
  service   = "api",
  summary   = "Roll a bad release of the api service back, or forward",
  objective = "15m",
  uses      = {
    "metric.query", "metric.await", "git.last_green", "git.changes",
    "deploy.current", "deploy.release", "migrate.assess", "snapshot.take",
    "snapshot.catalog", "flag.get", "flag.set", "http.check", "notify.send",
  },
  inputs    = {
    max_errors = "number=0.02", -- share of the requests answered with 5xx
    max_p95    = "number=0.5", -- s; 95 of 100 requests are faster
    window     = "duration=15s", -- of the rates: at least four scrape intervals
    flag       = "text=new-checkout", -- the flag that may be to blame ...
    flag_share = "number=0.8", -- ... for at least this share of the errors
    healthy    = "duration=1m", -- a deployed version is healthy within
    within     = "duration=2m", -- the service recovers within
    holds      = "duration=5s", -- and stays so for
    severity   = "P0|P1|P2|P3=P2",
  },
}

local function queries(input)
  local w = input.window
  return {
    errors = ([[sum(rate(http_requests_total{service="api",code=~"5.."}[%s]))
      / sum(rate(http_requests_total{service="api"}[%s]))]]):format(w, w),
    p95 = ([[histogram_quantile(0.95, sum by (le)
      (rate(http_request_duration_seconds_bucket{service="api"}[%s])))]])
      :format(w),
    through_flag = ([[sum(rate(http_requests_total{service="api",
        code=~"5..",feature="%s"}[%s]))
      / sum(rate(http_requests_total{service="api",code=~"5.."}[%s]))]])
      :format(input.flag, w, w),
  }
end

local function measure(what, expr)
  local answer, err = metric.query { expr = expr }
  log("%s: %s", what, answer and ("%.4g"):format(answer.value)
    or "unknown, " .. err.message)
  return answer
end

-- Whether there is a regression (nil: unknown), the number that says so, and
-- its limit. To call it well takes both numbers.
local function regression(input)
  local errors = measure("share of errors", queries(input).errors)
  local p95 = measure("p95 in seconds", queries(input).p95)
  if errors and errors.value > input.max_errors then
    return true, errors, input.max_errors
  elseif p95 and p95.value > input.max_p95 then
    return true, p95, input.max_p95
  elseif errors and p95 then
    return false, errors, input.max_errors
  end
  return nil, errors or p95, errors and input.max_errors or input.max_p95
end

-- A flag is suspect when it is on and most errors came through its code.
local function suspect(input)
  local state = flag.get { flag = input.flag }
  local share = state and state.on
    and measure("share through the flag", queries(input).through_flag)
  return state and { name = input.flag, on = state.on,
    suspect = share and share.value >= input.flag_share or false }
end

-- A good release tagged after the live one that needs no migration.
local function hotfix_after(live)
  local newest = git.last_green { branch = "main", tagged = true }
  local changes = newest and newest.commit ~= live.commit
    and git.changes { from = live.commit, to = newest.commit }
  if changes and changes.ancestor and #changes.migrations == 0 then
    return newest
  end
end

local function evidence(live, input)
  local target = git.last_green { branch = "main", before = live.commit,
    tagged = true }
  return {
    target = target,
    migrations = target and migrate.assess { from = target.commit,
      to = live.commit },
    hotfix = hotfix_after(live),
    flag = suspect(input),
    severity = input.severity,
  }
end

-- Decisions that leave production as it is, and how the run then ends.
local LEAVE = { nothing = "nothing", inconclusive = "gate",
  escalate = "escalated" }

local WAYS = {
  mitigate = "api %s, a flag switched off",
  rollback = "api %s rolled back to %s",
  roll_forward = "api %s rolled forward to %s",
}

local function inform(severity, title, text)
  tell.all { channels = { "incidents", "oncall" }, severity = severity,
    title = title, text = text }
end

local function switch_off(name)
  step("switch " .. name .. " off", function()
    undo("switch " .. name .. " on again", function()
      flag.set { flag = name, on = true }
    end)
    flag.set { flag = name, on = false }
  end)
end

local function bring(live, to, input, because)
  step("keep a copy of the database", function()
    snapshot.take { of = "api", note = because }
    -- What is known then of this version's schema makes a later way back to
    -- it safe; this one goes on without.
    local kept, err = attempt(function()
      return snapshot.catalog { of = "api", commit = live.commit }
    end)
    if not kept then
      log("the catalog of %s is not kept: %s", live.version, err.message)
    end
  end)
  step("deploy " .. to.tag, function()
    undo("deploy " .. live.version .. " again", function()
      deploy.release { target = "api", version = live.commit,
        within = input.healthy }
    end)
    deploy.release { target = "api", version = to.commit,
      expect = live.version, within = input.healthy }
  end)
end

local function verified(input)
  step("verify the recovery", function()
    local ok, err = verify.recovered {
      { expr = queries(input).errors, below = input.max_errors },
      { expr = queries(input).p95, below = input.max_p95 },
      within = input.within, holds = input.holds, health = "api",
    }
    if not ok then
      fail("api has not recovered: " .. err.message)
    end
  end)
end

function run(input)
  local live, err = deploy.current { target = "api" }
  if not live then
    finish { as = "gate", because = "what is live: " .. err.message }
  end
  local bad, measured, limit = step("confirm the regression", function()
    return regression(input)
  end)
  local found = bad and step("gather the evidence", function()
    return evidence(live, input)
  end) or {}
  found.regression, found.errors, found.threshold = bad, measured, limit
  local d = decide.release(found)
  if d.action == "escalate" then
    inform("critical", "api " .. live.version .. " needs a person", d.because)
  end
  if LEAVE[d.action] then
    finish { as = LEAVE[d.action], because = d.because }
  end

  local to = d.action == "rollback" and found.target or found.hotfix
  local way = WAYS[d.action]:format(live.version, to and to.tag)
  local why = ("%s. Measured %.4g, the limit is %g."):format(d.because,
    measured.value, limit)
  on_failure("say that it failed", function(problem)
    inform("critical", "failed: " .. way, problem .. ". " .. why)
  end)
  if d.action == "mitigate" then
    switch_off(found.flag.name)
  else
    bring(live, to, input, d.because)
  end
  verified(input)
  inform("info", "recovered: " .. way, why)
  finish { as = "recovered", because = d.because }
end
