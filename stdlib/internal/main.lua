-- Puts the core together. host: the C functions; start: the START document.
-- Returns the entries that the worker calls: load, run, deliver, stop, undo.
local host, start = ...

local function part(name, ...)
  return host.embedded("internal/" .. name)(host, start, ...)
end

local globals = part("globals")
local entries = {}
if start.role == "run" then
  local tasks = part("tasks", globals)
  local verbs = part("verbs", globals, tasks)
  local loader = part("loader", globals, tasks)
  part("author", globals, tasks, verbs)
  entries = part("entries", globals, tasks, verbs, loader)
end
host.globals(globals.author)
return entries
