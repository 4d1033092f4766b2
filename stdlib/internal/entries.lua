-- What the worker calls, in the order of the protocol.
local host, start, globals, tasks, _, loader = ...

local E = {}

-- For `rbrun check`: each global that the files read, and whether it is
-- there.
local function reads()
  local written, seen, list = {}, {}, {}
  local notes = host.scanned()
  for _, note in ipairs(notes) do
    if note.write then
      written[note.name] = true
    end
  end
  for _, note in ipairs(notes) do
    local id = ("%s:%d:%s.%s"):format(note.file, note.line, note.name,
      note.field or "")
    if not note.write and not seen[id] then
      seen[id] = true
      local known = written[note.name]
        or globals.is_known(note.name, note.field)
      local near = not known and globals.near(note.name, note.field) or nil
      if known and note.method and globals.fields[note.name] then
        known = false -- metric:query passes the noun itself
        near = note.name .. "." .. note.field
      end
      list[#list + 1] = {
        name = note.name, field = note.field, line = note.line,
        file = note.file, known = known, did_you_mean = near,
        instead = not globals.is_known(note.name)
          and globals.instead(note.name) or nil,
      }
    end
  end
  return list
end

function E.globals()
  return start.mode == "check" and reads() or nil
end

--- Run the file's top level; returns the document of LOADED.
function E.load(chunk)
  chunk()
  if not tasks.header then
    error(("%s:1: the file has no header: write runbook { service = ..., "
      .. "summary = ..., uses = { ... } }"):format(start.source_name), 0)
  elseif type(globals.own("run")) ~= "function" then
    error(("%s:1: the file has no run: write function run(input) ... end")
      :format(start.source_name), 0)
  end
  globals.loading = false
  tasks.phase = "ready"
  return {
    header = tasks.header, has_run = true, modules = loader.modules,
    globals = E.globals(),
  }
end

function E.run(input)
  local run = globals.own("run")
  return tasks.start(function(...)
    return tasks.result_of(run(...))
  end, input or {})
end

E.deliver = tasks.deliver
E.stop = tasks.stop
E.undo = tasks.undo
return E
