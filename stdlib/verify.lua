--- Whether a service is well again, by numbers and by its own answer.
local trusted = ...

local verify = {}

local CHECK_KEYS = { "above", "below", "expr", "fold", "source", "window" }
local OPTIONS = { "health", "holds", "within" }

---@class verify.Check
---@field expr string       the query
---@field below? number     well while the value is at most this
---@field above? number     well while the value is at least this
---@field source? string    which metric system
---@field fold? string      how several series become one number
---@field window? string    the widest rate window in expr

local function is_listed(names, key)
  for _, name in ipairs(names) do
    if name == key then
      return true
    end
  end
  return false
end

local function check_one(i, check)
  if type(check) ~= "table" then
    trusted.misuse("verify.recovered: check %d is a %s, not a table", i,
      type(check))
  elseif type(check.expr) ~= "string" then
    trusted.misuse("verify.recovered: check %d has no expr", i)
  elseif check.below == nil and check.above == nil then
    trusted.misuse("verify.recovered: check %d says neither below nor above: "
      .. "what is well?", i)
  end
end

-- Options have names, checks have positions.
local function check_arguments(given)
  if type(given) ~= "table" then
    trusted.misuse("verify.recovered takes a table of checks")
  end
  local last = 0
  for _ in ipairs(given) do
    last = last + 1
  end
  for _, key in ipairs(trusted.keys(given)) do
    if math.type(key) == "integer" then
      if key < 1 or key > last then -- ipairs would pass over it
        trusted.misuse("verify.recovered: check %d stands behind a hole: is "
          .. "an earlier one nil?", key)
      end
      check_one(key, given[key])
    elseif not is_listed(OPTIONS, key) then
      trusted.misuse("verify.recovered: unknown field '%s'%s", tostring(key),
        trusted.suggest(key, OPTIONS))
    end
  end
  if not given.within then
    trusted.misuse("verify.recovered: within is missing: how long may the "
      .. "recovery take, such as within = \"5m\"")
  elseif not given[1] and not given.health then
    trusted.misuse("verify.recovered: nothing to check")
  end
end

local function await(check, within, holds)
  local args = { within = within, holds = holds }
  for _, key in ipairs(CHECK_KEYS) do
    args[key] = check[key]
  end
  return metric.await(args)
end

-- What a failed check says: its own words, and which one it was.
local function failed(what, err)
  return nil, trusted.error(err.outcome, what .. ": " .. err.message, err.verb)
end

--- Wait for all checks at once, each until it has held for holds, and for the
--- health address. Returns true, or nil and the error of the check that failed.
---@param given table  checks as a list, and within, holds, health by name
---@return boolean? ok
---@return table? err
function verify.recovered(given)
  check_arguments(given)
  local branches = {}
  for i, check in ipairs(given) do
    branches[i] = function()
      return await(check, given.within, given.holds)
    end
  end
  if given.health then
    branches[#branches + 1] = function()
      return http.check { check = given.health, within = given.within }
    end
  end
  local results, errors = parallel(branches)
  for i = 1, #branches do
    if not results[i] then
      local what = given[i] and given[i].expr or "health " .. given.health
      return failed(what, errors[i])
    end
  end
  return true
end

return verify
