-- Tasks: run() is one, each branch of parallel and each side of guard is
-- one, each undo is one. A task runs until it calls a verb; everything here
-- is a function of the order in which answers are delivered.
local host, _, globals = ...

local MAX_TASKS = 256
local MAX_UNDOS = 1000
local MAX_STEP = 200
local MAX_UNDO_ERRORS = 20 -- listed in DONE; the others are counted

-- phase: load, ready, run, undo, done; loading: names of the modules that
-- require each other right now
local T = { phase = "load", loading = {} }
local current                -- the task that runs now
local ready, first, last = {}, 1, 0
local waiting = {}           -- call number -> task
local cancelled = {}         -- call number -> true, answer not yet dropped
local stale = {}             -- calls to cancel in this burst
local alive = 0
local undos = {}
local tells = {} -- what on_failure registered: runs behind the undo steps
local undo_count = 0
local outcome                -- the document of DONE, until it is taken
local failures = {}          -- notes on the newest answers that were errors

-- A field of an error as text. The author may have put anything there, the
-- error itself as well.
local function say(value)
  return type(value) == "table" and "a table" or tostring(value)
end

local error_meta = {}
function error_meta.__tostring(err)
  local text = say(err.message)
  if err.outcome ~= "failed" then
    text = say(err.outcome) .. ": " .. text
  end
  return err.verb and say(err.verb) .. ": " .. text or text
end
function error_meta.__concat(a, b)
  return tostring(a) .. tostring(b)
end

--- An error as calls return and raise it.
function T.error(what, message, verb)
  return setmetatable({ outcome = what, message = message, verb = verb },
    error_meta)
end

-- An error that knows whether anybody looked at it: it gets its fields at
-- the first look (order_keys calls __fill).
local function unseen_error(what, message, verb)
  local err, meta = {}, {}
  local note = { outcome = what, message = message, verb = verb }
  function meta.__fill()
    note.seen = true
    setmetatable(err, error_meta)
    err.outcome, err.message, err.verb = what, message, verb
    return err
  end
  function meta.__index(_, key)
    return meta.__fill()[key]
  end
  function meta.__newindex(_, key, value)
    meta.__fill()[key] = value
  end
  function meta.__tostring()
    return tostring(meta.__fill())
  end
  meta.__concat = error_meta.__concat
  table.insert(failures, 1, note)
  failures[9] = nil
  return setmetatable(err, meta)
end

-- The newest error answer that nobody has looked at.
local function unseen_failure()
  for _, note in ipairs(failures) do
    if not note.seen then
      return note
    end
  end
end

--- Raise at the author's line.
function T.misuse(text, ...)
  if select("#", ...) > 0 then
    text = text:format(...)
  end
  error(host.where() .. text, 0)
end

--- The running task, or misuse. what: the name the author wrote; stays: it
--- does not wait.
function T.here(what, stays)
  if T.phase == "load" or T.phase == "ready" then
    T.misuse("%s is called while the file loads; calls belong inside run()",
      what)
  end
  if not stays and not coroutine.isyieldable() then
    T.misuse("%s is called inside a function given to string.gsub, "
      .. "table.sort or lpeg, where a run cannot wait", what)
  end
  return current
end

-- Steps ------------------------------------------------------------------

local function step_event(task, state)
  host.event { kind = "step", name = task.path, state = state,
    undo = task.undo }
end

local function enter_step(task, name)
  task.steps[#task.steps + 1] = task.path
  task.path = task.path == "" and name or task.path .. " / " .. name
  step_event(task, "begin")
end

-- Leave all steps behind the first depth ones.
local function leave_steps(task, depth, state)
  for i = #task.steps, depth + 1, -1 do
    step_event(task, state)
    task.path = task.steps[i]
    task.steps[i] = nil
  end
end

local function after_step(task, depth, ...)
  leave_steps(task, depth, "end")
  return ...
end

--- Run fn as a named step of the current task, with its results.
function T.step(name, fn)
  local task = T.here("step")
  if type(name) ~= "string" or name == "" or #name > MAX_STEP then
    T.misuse("step takes a name of at most %d bytes, then a function: "
      .. "step(\"confirm\", function() ... end)", MAX_STEP)
  elseif not utf8.len(name) or name:find("\0", 1, true) then
    T.misuse("step takes a name that is UTF-8 text")
  elseif type(fn) ~= "function" then
    T.misuse("step \"%s\": the second argument is a %s, not a function",
      name, type(fn))
  elseif #task.steps >= 32 then
    T.misuse("step \"%s\": more than 32 steps inside one another", name)
  end
  local depth = #task.steps
  enter_step(task, name)
  return after_step(task, depth, fn())
end

-- Leave what the error has left: steps, and modules that were being loaded.
local function after_catch(task, depth, modules, ok, ...)
  if not ok then
    for i = #T.loading, modules + 1, -1 do
      T.loading[i] = nil
    end
    if task then
      leave_steps(task, depth, "failed")
    end
  end
  return ok, ...
end

local pcall, xpcall = pcall, xpcall

--- pcall and xpcall that end what an error has left.
function T.pcall(...)
  local task = current
  return after_catch(task, task and #task.steps, #T.loading, pcall(...))
end

function T.xpcall(...)
  local task = current
  return after_catch(task, task and #task.steps, #T.loading, xpcall(...))
end

-- Scheduling -------------------------------------------------------------

--- Tell the engine which answers nobody waits for any more.
function T.send_cancel()
  if #stale > 0 then
    table.sort(stale)
    host.cancel { calls = stale }
    stale = {}
  end
end

local function wake(task, ...)
  last = last + 1
  ready[last] = { task = task, n = select("#", ...), ... }
end
T.wake = wake

--- Is there room for so many tasks more? Asked before the first of them is
--- made: one that never starts would never end.
function T.room(count)
  if alive + count > MAX_TASKS then
    T.misuse("more than %d tasks at the same time", MAX_TASKS)
  end
end

--- A new task for fn; settle(task, ok, ...) is told how it ended.
function T.spawn(fn, parent, settle)
  T.room(1)
  alive = alive + 1
  local _, file, line = host.where()
  local task = {
    co = coroutine.create(fn), parent = parent, settle = settle,
    steps = {}, path = parent and parent.path or "", children = {},
    undo = parent and parent.undo, file = file or parent and parent.file,
    line = line or parent and parent.line,
  }
  if parent then
    parent.children[#parent.children + 1] = task
  end
  return task
end

-- A child's error that the parent raises again is reported where the child
-- failed.
local function report_of(task, err)
  local report = host.report(task.co, err)
  local blame = task.blame
  if not blame or not rawequal(blame.value, err) then
    return report
  end
  local trace = blame.report.trace or {}
  for _, frame in ipairs(report.trace or {}) do
    trace[#trace + 1] = frame
  end
  blame.report.trace = #trace > 0 and trace or nil
  return blame.report
end

local function remove_child(task)
  local siblings = task.parent and task.parent.children or {}
  for i = #siblings, 1, -1 do
    if siblings[i] == task then
      table.remove(siblings, i)
    end
  end
end

local function after_resume(task, ok, ...)
  current = nil
  if task.dead or coroutine.status(task.co) ~= "dead" then
    return
  end
  task.dead = true
  alive = alive - 1
  remove_child(task)
  while #task.children > 0 do -- made, and never started
    T.abandon(table.remove(task.children))
  end
  if not ok then
    task.report = report_of(task, (...))
    leave_steps(task, 0, "failed")
  end
  task.settle(task, ok, ...)
  T.send_cancel() -- before anybody goes on
end

local function pump()
  while first <= last do
    local entry = ready[first]
    ready[first] = nil
    first = first + 1
    local task = entry.task
    if not task.dead then
      current = task
      after_resume(task,
        coroutine.resume(task.co, table.unpack(entry, 1, entry.n)))
    end
  end
end

--- End a task and its children where they stand; their answers are dropped.
function T.abandon(task, state)
  if task.dead then
    return
  end
  task.dead = true
  alive = alive - 1
  while #task.children > 0 do
    local child = table.remove(task.children)
    T.abandon(child, state)
  end
  leave_steps(task, 0, state or "failed")
  if task.call then
    waiting[task.call] = nil
    cancelled[task.call] = true
    stale[#stale + 1] = task.call
    task.call = nil
  end
end

--- Let a task raise the error of its child.
function T.raise_in(task, child, err)
  task.blame = { value = err, report = child.report }
  wake(task, false, err)
end

-- Calls ------------------------------------------------------------------

local function answered(verb, effect, kind, value)
  if kind == "ok" then
    return value
  elseif kind == "misuse" then
    T.misuse("%s", value)
  end
  if effect == "write" then
    error(T.error(value.outcome, value.message, verb), 0)
  end
  return nil, unseen_error(value.outcome, value.message, verb)
end

--- Make a call and wait for its answer.
function T.call(verb, effect, args)
  local task = T.here(verb)
  local number = host.call(verb, args, task.path, task.undo, task.file,
    task.line)
  waiting[number] = task
  task.call = number
  return answered(verb, effect, coroutine.yield())
end

-- Undo, and the end of a run ----------------------------------------------

local function register(list, name, what, fn, tells_only)
  local task = T.here(name, true)
  if task.undo then
    T.misuse("%s is called inside an undo; an undo cannot be undone", name)
  elseif undo_count >= MAX_UNDOS then
    T.misuse("more than %d undos", MAX_UNDOS)
  end
  local _, file, line = host.where()
  undo_count = undo_count + 1
  list[#list + 1] = { id = undo_count, what = what, fn = fn,
    tells = tells_only }
  host.event { kind = "undo", id = undo_count, what = what, file = file,
    line = line, tells = tells_only }
end

--- Register a function that takes back what was done.
function T.add_undo(what, fn)
  register(undos, "undo", what, fn)
end

--- Register a function that runs after the undo steps, when people have to
--- hear of it. It compensates nothing.
function T.add_failure(what, fn)
  register(tells, "on_failure", what, fn, true)
end

-- The newest undo step; when there is none left, the oldest to be told.
local function next_step()
  return table.remove(undos) or table.remove(tells, 1)
end

-- What one step came to, counted. A failure to tell is listed by the engine.
local function count(document, step, task, ok)
  if step.tells and ok then
    return
  elseif ok then
    document.undone = document.undone + 1
    return
  elseif not step.tells then
    document.undo_failed = document.undo_failed + 1
  end
  document.undo_errors = document.undo_errors or {}
  if #document.undo_errors < MAX_UNDO_ERRORS then
    table.insert(document.undo_errors,
      { id = step.id, what = step.what, error = task.report })
  end
end

-- Run the undo stack, newest first, then give DONE its document.
local function undo_all(document)
  T.phase = "undo"
  document.undone, document.undo_failed = 0, 0
  local problem = document.error and document.error.message
    or "the run was stopped"
  local function next_one()
    local undo = next_step()
    if not undo then
      T.phase = "done"
      T.send_cancel()
      outcome = document
      return
    end
    local name = undo.tells and "after the failure: " or "undo: "
    local task = T.spawn(function()
      T.step(name .. undo.what, function()
        undo.fn(undo.tells and problem or nil)
      end)
    end, nil, function(task, ok)
      count(document, undo, task, ok)
      next_one()
    end)
    task.undo = undo.id
    wake(task)
  end
  next_one()
end

local function finished(result)
  T.phase = "done"
  T.send_cancel()
  outcome = { ended = "finished", result = result, undone = 0,
    undo_failed = 0 }
end

--- End the run now; nothing of it goes on. Does not return.
function T.finish(result)
  local task = T.here("finish")
  if task.undo then
    T.misuse("finish is called inside an undo; an undo only undoes")
  end
  local root = task
  leave_steps(task, 0, "end")
  while root.parent do
    root = root.parent
    leave_steps(root, 0, "end")
  end
  T.abandon(root)
  finished(result)
  coroutine.yield()
end

local root

local function main_ended(task, ok, value)
  if ok then
    return finished(value)
  end
  task.report.last_err = unseen_failure()
  undo_all { ended = "failed", error = task.report }
end

local function take_outcome()
  T.send_cancel()
  local document = outcome
  outcome = nil
  return document
end

function T.start(fn, input)
  T.phase = "run"
  root = T.spawn(fn, nil, main_ended)
  wake(root, input)
  pump()
  return take_outcome()
end

--- An answer: kind is "ok", "err" or "misuse".
function T.deliver(number, kind, value)
  local task = waiting[number]
  if task then
    waiting[number] = nil
    task.call = nil
    wake(task, kind, value)
    pump()
  elseif cancelled[number] then
    cancelled[number] = nil
  else
    host.protocol()
  end
  return take_outcome()
end

function T.stop(because)
  if T.phase == "ready" then
    T.phase = "done"
    return { ended = "stopped", because = because, undone = 0,
      undo_failed = 0 }
  elseif T.phase == "run" then
    T.abandon(root)
    T.send_cancel()
    undo_all { ended = "stopped", because = because }
    pump()
  end
  return take_outcome()
end

--- In plan mode, after DONE: show the undos.
function T.undo()
  undo_all { ended = "finished" }
  pump()
  return take_outcome()
end

globals.define("pcall", T.pcall)
globals.define("xpcall", T.xpcall)
return T
