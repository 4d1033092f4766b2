--- Decisions with their evidence. A policy is a list of rules; each looks at
--- one value and speaks for an action or against some. What is not known is
--- never taken for safe: a rule without a value makes the decision
--- inconclusive, unless it says what else it means.
---
---     local decide = require "decide"
---     local d = decide.release { regression = errors.value > 0.02, ... }
---     if d.action == "rollback" then ... end
local trusted = ...

local decide = {}

---@class decide.Rule
---@field name string          what is asked, as a statement: "errors are high"
---@field value any            the evidence; nil means unknown
---@field op? string           above, below, at_least, at_most, is: how value is
---                            compared with threshold; without it value is a
---                            boolean
---@field threshold? any       what value is compared with
---@field pushes? string       the action the rule speaks for when it holds
---@field veto? string[]       the actions it forbids when it holds
---@field unknown? string      without a value: "inconclusive" (default),
---                            "veto" (its vetoes apply) or "ignore"
---@field because? string      the sentence to give, in place of name

---@class decide.Evidence
---@field rule string
---@field value any
---@field threshold any
---@field verdict "yes"|"no"|"unknown"
---@field pushes? string
---@field veto? string[]

---@class decide.Decision
---@field action string
---@field because string       one sentence
---@field rules decide.Evidence[]

local RULE_KEYS = { "because", "name", "op", "pushes", "threshold", "unknown",
  "value", "veto" }
local UNKNOWN = { "ignore", "inconclusive", "veto" }

local compare = {
  above = function(a, b) return a > b end,
  below = function(a, b) return a < b end,
  at_least = function(a, b) return a >= b end,
  at_most = function(a, b) return a <= b end,
  is = function(a, b) return a == b end,
}

local function contains(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then
      return true
    end
  end
  return false
end

local function check_keys(what, given, allowed)
  if type(given) ~= "table" then
    trusted.misuse("%s takes a table", what)
  end
  for _, key in ipairs(trusted.keys(given)) do
    if not contains(allowed, key) then
      trusted.misuse("%s: unknown field '%s'%s", what, tostring(key),
        trusted.suggest(key, allowed))
    end
  end
end

-- A list with a hole ends there for ipairs, and a forgotten veto is a hole
-- as well: { errors, stuck and veto or nil, last }.
local function check_list(what, list)
  if type(list) ~= "table" then
    trusted.misuse("%s is a %s, not a list", what, type(list))
  end
  local last = 0
  for _ in ipairs(list) do
    last = last + 1
  end
  for _, key in ipairs(trusted.keys(list)) do
    if math.type(key) ~= "integer" or key < 1 or key > last then
      trusted.misuse("%s: entry %s stands behind a hole, or is no entry of a "
        .. "list; leave nothing out of it", what, tostring(key))
    end
  end
end

-- Every action named is one of the order: a veto of a misspelt one would
-- forbid nothing.
local function check_actions(what, rule, order)
  if rule.veto ~= nil then
    check_list(what .. ": veto", rule.veto)
  end
  local named = table.move(rule.veto or {}, 1, #(rule.veto or {}), 1, {})
  named[#named + 1] = rule.pushes
  for _, action in ipairs(named) do
    if not contains(order, action) then
      trusted.misuse("%s: the action '%s' is not in order%s", what,
        tostring(action), trusted.suggest(action, order))
    end
  end
end

local function check_rule(rule, position)
  check_keys("decide.by: rule " .. position, rule, RULE_KEYS)
  local what = ("decide.by: rule \"%s\""):format(tostring(rule.name))
  if type(rule.name) ~= "string" then
    trusted.misuse("decide.by: rule %d has no name", position)
  elseif rule.unknown ~= nil and not contains(UNKNOWN, rule.unknown) then
    trusted.misuse("%s: unknown = \"%s\" is none of %s", what,
      tostring(rule.unknown), table.concat(UNKNOWN, ", "))
  elseif rule.op ~= nil and not compare[rule.op] then
    trusted.misuse("%s: op = \"%s\" is none of above, below, at_least, "
      .. "at_most, is", what, tostring(rule.op))
  elseif rule.op == nil and rule.value ~= nil
    and type(rule.value) ~= "boolean" then
    trusted.misuse("%s: value is a %s; give op and threshold, or compare it "
      .. "yourself", what, type(rule.value))
  elseif rule.op ~= nil and rule.op ~= "is" and (type(rule.threshold)
    ~= "number" or rule.value ~= nil and type(rule.value) ~= "number") then
    trusted.misuse("%s: op = \"%s\" compares numbers", what, rule.op)
  end
  return what
end

-- Nothing, or nan, which is what 0/0 in a query gives.
local function is_unknown(value)
  return value == nil or value ~= value
end

local function verdict_of(rule)
  local holds = rule.value
  if is_unknown(holds) or rule.op and is_unknown(rule.threshold) then
    return "unknown"
  elseif rule.op then
    holds = compare[rule.op](rule.value, rule.threshold)
  end
  return holds and "yes" or "no"
end

local function sentence(rule)
  return rule.because or rule.name
end

-- Whether the vetoes of a rule with this verdict apply.
local function forbids(rule, verdict)
  return verdict == "yes" or verdict == "unknown" and rule.unknown == "veto"
end

-- A value as the record can hold it.
local function shown(value)
  if type(value) == "boolean" or type(value) == "string"
    or type(value) == "number" and value - value == 0 then
    return value
  end
  return value ~= nil and tostring(value) or nil
end

local function weigh(rules, order)
  local pushed, vetoed, evidence, open = {}, {}, {}, nil
  for i, rule in ipairs(rules) do
    check_actions(check_rule(rule, i), rule, order)
    local verdict = verdict_of(rule)
    evidence[i] = { rule = rule.name, value = shown(rule.value),
      threshold = shown(rule.threshold), verdict = verdict,
      pushes = rule.pushes, veto = rule.veto }
    if verdict == "unknown" and (rule.unknown or "inconclusive")
      == "inconclusive" then
      open = open or rule
    elseif verdict == "yes" and rule.pushes and not pushed[rule.pushes] then
      pushed[rule.pushes] = rule
    end
    for _, action in ipairs(forbids(rule, verdict) and rule.veto or {}) do
      vetoed[action] = vetoed[action] or rule
    end
  end
  return pushed, vetoed, evidence, open
end

local function announce(decision)
  local _, file, line = trusted.where()
  trusted.event { kind = "decision", action = decision.action,
    because = decision.because, rules = decision.rules, file = file,
    line = line }
  return decision
end

-- The first action of the order that is spoken for and not forbidden.
local function choose(order, pushed, vetoed)
  local against
  for _, action in ipairs(order) do
    if pushed[action] and not vetoed[action] then
      local because = sentence(pushed[action])
      return action, against and sentence(against) .. ": " .. because
        or because
    elseif pushed[action] then
      against = against or vetoed[action]
    end
  end
  return "inconclusive", against and sentence(against)
    or "no rule speaks for an action"
end

--- Weigh rules. The action is the first of order that a rule pushes and no
--- rule vetoes; "inconclusive" when there is none, or when a rule that
--- matters has no value. The decision is shown and recorded.
---@param policy {rules: decide.Rule[], order: string[]}
---@return decide.Decision
function decide.by(policy)
  check_keys("decide.by", policy, { "order", "rules" })
  if type(policy.rules) ~= "table" or type(policy.order) ~= "table" then
    trusted.misuse("decide.by takes rules = { ... } and order = { ... }")
  end
  check_list("decide.by: rules", policy.rules)
  check_list("decide.by: order", policy.order)
  local pushed, vetoed, evidence, open = weigh(policy.rules, policy.order)
  local action, because
  if open then
    action, because = "inconclusive", "unknown: " .. sentence(open)
  else
    action, because = choose(policy.order, pushed, vetoed)
  end
  return announce { action = action, because = because, rules = evidence }
end

-- The policy for a bad release ---------------------------------------------

local RELEASE_KEYS = { "errors", "flag", "hotfix", "migrations", "regression",
  "severity", "target", "threshold" }
local ORDER = { "nothing", "mitigate", "rollback", "roll_forward",
  "escalate" }

local function name_of(version)
  return version and (version.tag or version.version
    or version.commit and version.commit:sub(1, 12)) or "none"
end

local function number(value)
  return ("%.4g"):format(value)
end

local function is_number(value)
  return type(value) == "number" and value == value
end

-- true, false, or nil when it cannot be told.
local function is_regression(given)
  local value = given.errors and given.errors.value
  if given.regression ~= nil then
    return given.regression
  elseif is_number(value) and is_number(given.threshold) then
    return value > given.threshold
  end
  return nil
end

-- "0.11 (limit 0.02)", or "" without numbers.
local function measured(given)
  local value = given.errors and given.errors.value
  if not is_number(value) then
    return ""
  elseif is_number(given.threshold) then
    return (": measured %s, limit %s"):format(number(value),
      number(given.threshold))
  end
  return ": measured " .. number(value)
end

-- true when the older code may not run on the newer schema.
local function is_incompatible(migrations)
  local verdict = migrations and migrations.verdict
  if verdict == "none" or verdict == "compatible" or verdict == "caution" then
    return false
  elseif verdict == "incompatible" then
    return true
  end
  return nil
end

-- One of the findings of migrate.assess in words. What others answer may be
-- texts.
local function finding_text(finding)
  if type(finding) ~= "table" then
    return tostring(finding)
  end
  local file = finding.file and finding.file .. (finding.line
    and ":" .. tostring(finding.line) or "") .. ": " or ""
  return file .. (finding.object and tostring(finding.object) .. ": " or "")
    .. tostring(finding.text or finding.code)
end

local function migration_text(migrations, incompatible)
  local list = migrations and (incompatible == false
    and migrations.verdict == "caution" and migrations.cautions
    or migrations.reasons)
  local first = list and list[1] and ": " .. finding_text(list[1]) or ""
  if incompatible == nil then
    return "it is not known whether the older code can run on the newer "
      .. "schema" .. first
  elseif incompatible then
    return "the older code cannot run on the newer schema" .. first
  elseif migrations.verdict == "caution" then
    return "the older code can run on the newer schema, with caution" .. first
  end
  return "the older code can run on the newer schema"
end

-- true when the older release would not start on the newer ledger, nil when
-- nobody knows; false when nobody has asked, or it starts.
local function refuses_to_start(migrations)
  local boot = migrations and migrations.boot
  local verdict = boot and boot.verdict
  if not boot or verdict == "boots" then
    return false
  elseif verdict == "fails" then
    return true
  end
  return nil
end

local function start_rule(migrations, refuses)
  local boot = migrations.boot
  local advice = boot.advice and boot.advice[1]
    and "; to go back, " .. tostring(boot.advice[1]) or ""
  local text = refuses == nil
    and "it is not known whether the older release starts on the newer ledger"
    or "the older release does not start on the newer ledger"
  return { name = "the older release does not start on the newer ledger",
    value = refuses, veto = { "rollback" }, unknown = "veto",
    because = text .. (boot.because and ": " .. tostring(boot.because) or "")
      .. advice }
end

local function flag_rule(flag)
  local holds = false
  if flag and flag.suspect then
    holds = flag.on -- nil: it is suspect, and nobody knows its state
  end
  return { name = "a suspect flag is on", value = holds, pushes = "mitigate",
    unknown = "ignore", because = ("the fault sits behind the flag %s, which "
      .. "is on"):format(flag and tostring(flag.name) or "") }
end

-- Asked with the numbers, where they say the same as given.regression.
local function health_rule(given)
  local regression = is_regression(given)
  local value = given.errors and given.errors.value
  local rule = { name = "there is no regression", pushes = "nothing",
    because = (regression == nil and "whether there is a regression"
      or "there is no regression") .. measured(given) }
  if regression ~= nil and is_number(value) and is_number(given.threshold)
    and (value > given.threshold) == regression then
    rule.value, rule.op, rule.threshold = value, "at_most", given.threshold
  elseif regression ~= nil then
    rule.value = not regression
  end
  return rule
end

local function release_rules(given)
  local stuck = is_incompatible(given.migrations)
  local schema = migration_text(given.migrations, stuck)
  local stays_down = refuses_to_start(given.migrations)
  local target, hotfix = given.target, given.hotfix
  local rules = {
    health_rule(given),
    flag_rule(given.flag),
    { name = "the older code cannot run on the newer schema", value = stuck,
      veto = { "rollback" }, unknown = "veto", because = schema },
    { name = "a known good version exists", value = target ~= nil,
      pushes = "rollback", because = ("%s is the newest version known to be "
        .. "good, and %s"):format(name_of(target), schema) },
    { name = "going back is ruled out and a fix is ready",
      value = (stuck ~= false or stays_down ~= false) and hotfix ~= nil,
      pushes = "roll_forward",
      because = ("%s fixes it"):format(name_of(hotfix)) },
    { name = "a person is needed when nothing else is left", value = true,
      pushes = "escalate", because = target == nil and stuck == false
        and "no earlier version is known to be good"
        or "no fix is ready, a person is needed" },
  }
  if given.migrations and given.migrations.boot then
    table.insert(rules, 4, start_rule(given.migrations, stays_down))
  end
  return rules
end

---@class decide.Release
---@field regression? boolean  nil: errors.value > threshold; without these
---                            it is not known
---@field errors? table        the metric answer that shows it
---@field threshold? number    the limit of errors.value
---@field migrations? table    the answer of migrate.assess
---@field target? table        the answer of git.last_green
---@field hotfix? table        the answer of git.resolve, when one is ready
---@field flag? table          {name, on, suspect}
---@field severity? string     for the record

--- The policy for a bad release. No regression: nothing. Not known whether
--- there is one: inconclusive. A suspect flag that is on: mitigate.
--- Otherwise rollback, if the older code can run on the newer schema, starts
--- on the newer ledger (migrations.boot) and a good version is known;
--- roll_forward to a ready hotfix, if it cannot, does not, or if that is not
--- known; else escalate.
---@param given decide.Release
---@return decide.Decision
function decide.release(given)
  check_keys("decide.release", given, RELEASE_KEYS)
  for _, key in ipairs { "errors", "flag", "hotfix", "migrations", "target" } do
    if given[key] ~= nil and type(given[key]) ~= "table" then
      trusted.misuse("decide.release: %s is a %s; it is the answer of a call, "
        .. "or nil when there is none", key, type(given[key]))
    end
  end
  if given.regression ~= nil and type(given.regression) ~= "boolean" then
    trusted.misuse("decide.release: regression is a %s; it is true, false, "
      .. "or nil when it is not known", type(given.regression))
  end
  return decide.by { rules = release_rules(given), order = ORDER }
end

return decide
