-- The functions of the author's language beside the verbs.
local host, _, globals, tasks, verbs = ...

local ENDS = { "declined", "escalated", "gate", "nothing", "recovered" }
local MAX_LOG = 4096
local MAX_UNDO = 175 -- becomes a step's name, with a few words before it
local MAX_BECAUSE = 2000

local function is_text(value)
  return type(value) == "string" and value ~= ""
end

-- Unknown keys of a table that an author wrote: what, allowed names.
local function check_keys(what, given, allowed)
  if type(given) ~= "table" then
    tasks.misuse("%s takes a table: %s { ... }", what, what)
  end
  local set = {}
  for _, name in ipairs(allowed) do
    set[name] = true
  end
  for _, key in ipairs(host.keys(given)) do
    if not set[key] then
      tasks.misuse("%s: unknown field '%s'%s", what, tostring(key),
        globals.suggest(key, allowed))
    end
  end
end

local function check_duration(what, value)
  local fine, why
  if type(value) == "string" then
    fine, why = host.duration(value)
  else
    why = "a duration is text such as \"30s\""
  end
  if not fine then
    tasks.misuse("%s: %s", what, why)
  end
end

globals.define("step", tasks.step)

--- Say something that people and the journal see.
---@param format any  text, a format when more arguments follow
globals.define("log", function(format, ...)
  tasks.here("log", true)
  local text = tostring(format)
  if select("#", ...) > 0 then
    text = string.format(text, ...)
  end
  local _, file, line = host.where()
  host.event { kind = "log", text = host.clean(text, MAX_LOG), file = file,
    line = line }
end)

-- What undo and on_failure take: what it does, for people, and a function.
local function step_arguments(name, example, what, fn)
  if type(what) == "function" and fn == nil then
    what, fn = name, what
  end
  if not is_text(what) or type(fn) ~= "function" then
    tasks.misuse("%s takes what it does, then a function: %s", name, example)
  end
  return host.clean(what, MAX_UNDO), fn
end

--- Register what takes the next write back, if the run fails or is stopped.
---@param what string  what it does, for people
---@param fn fun()
globals.define("undo", function(what, fn)
  tasks.add_undo(step_arguments("undo",
    "undo(\"put the old release back\", function() ... end)", what, fn))
end)

--- Register what is done after the undo steps, if the run fails or is
--- stopped: telling people. It takes nothing back.
---@param what string  what it does, for people
---@param fn fun(problem: string)  called with why the run failed
globals.define("on_failure", function(what, fn)
  tasks.add_failure(step_arguments("on_failure",
    "on_failure(\"tell the team\", function() ... end)", what, fn))
end)

--- Fail the run, unless pcall or attempt catches it.
---@param why any  text, a format when more arguments follow
globals.define("fail", function(why, ...)
  local text = why == nil and "failed" or tostring(why)
  if select("#", ...) > 0 then
    text = string.format(text, ...)
  end
  error(tasks.error("failed", text), 0)
end)

local function attempted(ok, ...)
  if ok then
    return ...
  end
  return nil, (...)
end

--- Call fn; its results, or nil and the error it raised.
---@param fn function
---@return any
globals.define("attempt", function(fn, ...)
  if type(fn) ~= "function" then
    tasks.misuse("attempt takes a function: attempt(function() ... end)")
  end
  return attempted(tasks.pcall(fn, ...))
end)

-- finish -----------------------------------------------------------------

local function check_finish(t)
  check_keys("finish", t, { "as", "because" })
  local as = t.as
  for _, known in ipairs(ENDS) do
    if as == known then
      if t.because ~= nil and type(t.because) ~= "string" then
        tasks.misuse("finish: because is a %s, not text", type(t.because))
      end
      return
    end
  end
  if as == nil then
    tasks.misuse("finish: as is missing: one of %s", table.concat(ENDS, ", "))
  end
  tasks.misuse("finish: as = %s is none of %s%s", tostring(as),
    table.concat(ENDS, ", "), globals.suggest(as, ENDS))
end

local function ending(t)
  check_finish(t)
  return { as = t.as,
    because = t.because and host.clean(t.because, MAX_BECAUSE) }
end

--- End the run here, as what it came to. Does not return; nothing is undone.
---@param t {as: string, because?: string}  as: recovered, nothing, gate,
---                                       escalated or declined
globals.define("finish", function(t)
  tasks.finish(ending(t))
end)

--- What the return value of run() means for DONE.
local function result_of(value)
  if type(value) == "table" and value.as ~= nil then
    return ending { as = value.as, because = value.because }
  end
  return { as = "recovered" }
end

-- parallel ---------------------------------------------------------------

local function check_branches(branches)
  if type(branches) ~= "table" then
    tasks.misuse("parallel takes a table of functions: "
      .. "parallel { a = function() ... end }")
  end
  local keys = host.keys(branches)
  for _, key in ipairs(keys) do
    if type(branches[key]) ~= "function" then
      tasks.misuse("parallel: %s is a %s, not a function%s", tostring(key),
        type(branches[key]), branches[key] and
        "; write function() return ... end around a call" or "")
    end
  end
  return keys
end

local function raised(ok, ...)
  if not ok then
    error((...), 0)
  end
  return ...
end

--- Run functions at the same time. Returns their first results by key, and
--- the errors of those that returned nil and an error. When one raises, the
--- others are given up and the error is raised here.
---@param branches table<any, function>
---@return table results
---@return table errors
globals.define("parallel", function(branches)
  local task = tasks.here("parallel")
  local keys = check_branches(branches)
  local results, errors, left = {}, {}, #keys
  if left == 0 then
    return results, errors
  end
  local started = {}
  tasks.room(left)
  for i, key in ipairs(keys) do
    started[i] = tasks.spawn(branches[key], task, function(child, ok, a, b)
      if not ok then
        for _, other in ipairs(started) do
          tasks.abandon(other)
        end
        return tasks.raise_in(task, child, a)
      end
      results[key], errors[key] = a, a == nil and b or nil
      left = left - 1
      if left == 0 then
        tasks.wake(task, true, results, errors)
      end
    end)
  end
  for _, child in ipairs(started) do
    tasks.wake(child)
  end
  return raised(coroutine.yield())
end)

-- guard ------------------------------------------------------------------

local function check_guard(t)
  check_keys("guard", t, { "because", "body", "check", "every" })
  for _, name in ipairs { "check", "body" } do
    if type(t[name]) ~= "function" then
      tasks.misuse("guard: %s is a %s, not a function", name, type(t[name]))
    end
  end
  if not is_text(t.because) then
    tasks.misuse("guard: because is missing: say why the body is given up "
      .. "when the check fails")
  end
  check_duration("guard: every", t.every)
end

local function watch(check, every)
  while true do
    tasks.call("wait.sleep", "wait", { duration = every })
    local good, why = check()
    if not good then
      return why
    end
  end
end

---@class guard.Options
---@field check fun(): any, any  well or not, and why
---@field every string           how often, such as "5s"
---@field because string         why body is given up
---@field body function

--- Run body while check holds. When check returns false or nil (and a reason),
--- body is given up where it stands and an error with outcome "guard" is
--- raised.
---@param t guard.Options
---@return any  what body returns
globals.define("guard", function(t)
  local task = tasks.here("guard")
  check_guard(t)
  local check, every, because = t.check, t.every, t.because
  local body, watcher
  tasks.room(2)
  body = tasks.spawn(t.body, task, function(child, ok, ...)
    tasks.abandon(watcher)
    if ok then
      tasks.wake(task, true, ...)
    else
      tasks.raise_in(task, child, (...))
    end
  end)
  watcher = tasks.spawn(function()
    return watch(check, every)
  end, task, function(child, ok, why)
    tasks.abandon(body)
    if not ok then
      return tasks.raise_in(task, child, why)
    end
    local text = why ~= nil and because .. ": " .. tostring(why) or because
    tasks.wake(task, false, tasks.error("guard", text))
  end)
  tasks.wake(body)
  tasks.wake(watcher)
  return raised(coroutine.yield())
end)

-- runbook { ... } --------------------------------------------------------

local HEADER = { "inputs", "objective", "owner", "service", "summary", "uses" }
local TYPES = { "bool", "duration", "int", "number", "text" }

-- "text?", "P0|P1|P2?", "number=0.02": the engine checks values by it.
local function check_input(name, spec)
  if type(spec) ~= "string" then
    tasks.misuse("runbook: inputs.%s is a %s, not text such as \"text?\"",
      name, type(spec))
  end
  local kind = spec:gsub("=.*$", ""):gsub("%?$", "")
  if kind:find("|", 1, true) and not kind:find("^|") and not kind:find("|$")
    and not kind:find("||", 1, true) then
    return
  end
  for _, known in ipairs(TYPES) do
    if kind == known then
      return
    end
  end
  local hint = kind == "string" and " (did you mean text?)"
    or globals.suggest(kind, TYPES)
  tasks.misuse("runbook: inputs.%s = \"%s\": the type is one of %s, or "
    .. "choices such as \"a|b\"%s", name, spec, table.concat(TYPES, ", "),
    hint)
end

local function check_inputs(inputs)
  if type(inputs) ~= "table" then
    tasks.misuse("runbook: inputs is a %s, not a table", type(inputs))
  end
  for _, name in ipairs(host.keys(inputs)) do
    if type(name) ~= "string" or not name:match("^[%a_][%w_]*$") then
      tasks.misuse("runbook: inputs: '%s' is no name; write inputs = "
        .. "{ reason = \"text?\" }", tostring(name))
    end
    check_input(name, inputs[name])
  end
end

local function matches(pattern, verb)
  if pattern:sub(-1) == "*" then
    return verb:sub(1, #pattern - 1) == pattern:sub(1, -2)
  end
  return pattern == verb
end

local function check_use(pattern)
  if type(pattern) ~= "string" then
    tasks.misuse("runbook: uses holds a %s; write uses = { \"metric.query\" }",
      type(pattern))
  end
  local known = {}
  for _, verb in ipairs(verbs.names) do
    if matches(pattern, verb) then
      return
    end
    known[#known + 1] = verb
    known[#known + 1] = verb:gsub("%..*$", ".*")
  end
  tasks.misuse("runbook: uses: no verb is called \"%s\"%s", pattern,
    globals.suggest(pattern, known))
end

local function check_header(header)
  check_keys("runbook", header, HEADER)
  for _, name in ipairs { "service", "summary" } do
    if not is_text(header[name]) then
      tasks.misuse("runbook: %s is missing: write %s = \"...\"", name, name)
    end
  end
  if header.owner ~= nil and not is_text(header.owner) then
    tasks.misuse("runbook: owner is a %s, not text", type(header.owner))
  end
  if header.objective ~= nil then
    check_duration("runbook: objective", header.objective)
  end
  if type(header.uses) ~= "table" then
    tasks.misuse("runbook: uses is %s: list the verbs the file calls, "
      .. "such as uses = { \"metric.query\", \"deploy.*\" }",
      header.uses == nil and "missing" or "a " .. type(header.uses))
  end
  if #header.uses > 1000 then
    tasks.misuse("runbook: uses has more than 1000 entries; a pattern such as "
      .. "\"metric.*\" stands for many verbs")
  end
  for _, key in ipairs(host.keys(header.uses)) do
    if math.type(key) ~= "integer" then
      tasks.misuse("runbook: uses is a list: uses = { \"metric.query\" }")
    end
    check_use(header.uses[key])
  end
  if header.inputs ~= nil then
    check_inputs(header.inputs)
  end
end

-- What the author's table says now; it may change it later.
local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local result = {}
  for _, key in ipairs(host.keys(value)) do
    result[key] = copy(value[key])
  end
  return result
end

---@class runbook.Header
---@field service string
---@field summary string
---@field uses string[]      verbs, either part may be *
---@field owner? string
---@field objective? string  time to recover, such as "15m"
---@field inputs? table<string, string>  name = "text?", "a|b", "number=0.02"

--- Declare what the file is. Belongs at the top of the file, once.
---@param header runbook.Header
globals.define("runbook", function(header)
  if not globals.loading then
    tasks.misuse("runbook { ... } belongs at the top of the file")
  elseif tasks.header then
    tasks.misuse("runbook { ... } is called twice")
  end
  check_header(header)
  tasks.header = copy(header)
end)

tasks.result_of = result_of
