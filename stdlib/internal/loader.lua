-- require: names of the stdlib first, then files below the runbooks folder,
-- which the engine reads and pins.
local host, _, globals, tasks = ...

-- modules: names from outside the stdlib, in the order of require
local L = { modules = host.list {} }
local loaded, path, asked = {}, tasks.loading, 0

-- Files asked for, found or not: the engine takes no more for honest.
local MAX_ASKED = 250

-- What a mistyped name may have meant, besides a file.
local STDLIB = { "decide", "tell", "verify" }

-- What stdlib modules may use beyond an author's names.
local trusted = {
  error = tasks.error, misuse = tasks.misuse, event = host.event,
  where = host.where, keys = host.keys, duration = host.duration,
  suggest = globals.suggest,
}

local function check_name(name)
  if type(name) ~= "string" then
    tasks.misuse("require takes the name of a module: require \"decide\"")
  elseif #name > 100 or not name:match("^[%a_][%w_%-]*$")
    and not name:match("^[%a_][%w_%.%-]*[%w_]$") or name:find("..", 1, true)
  then
    tasks.misuse("require \"%s\": a module's name is made of letters, digits "
      .. "and _, and dots between folders", name:sub(1, 100))
  end
end

local function check_cycle(name)
  for i, other in ipairs(path) do
    if other == name then
      tasks.misuse("modules require each other: %s -> %s",
        table.concat(path, " -> ", i), name)
    end
  end
  if #path >= 16 then
    tasks.misuse("require \"%s\": more than 16 modules inside one another",
      name)
  end
end

local function load_stdlib(name)
  local chunk = not name:find("/", 1, true) and host.embedded(name)
  if not chunk then
    return nil
  end
  local module = chunk(trusted)
  return globals.sealed(module, "module " .. name)
end

local function load_file(name)
  asked = asked + 1
  if asked > MAX_ASKED then
    tasks.misuse("require \"%s\": more than %d modules are asked for", name,
      MAX_ASKED)
  end
  local chunk, file = host.fetch(name)
  if not chunk then
    -- A message that already names file and line is about the file itself.
    if file:match("^[^\n]-:%d+: ") then
      error(file, 0)
    end
    if not file:find("did you mean", 1, true) then
      file = file .. globals.suggest(name, STDLIB)
    end
    tasks.misuse("require \"%s\": %s", name, file)
  end
  L.modules[#L.modules + 1] = name
  local value = chunk(name, file)
  if value == nil then
    tasks.misuse("require \"%s\": %s returns nothing; end it with "
      .. "return { ... }", name, file)
  end
  return value
end

globals.define("require", function(name)
  check_name(name)
  if not globals.loading then
    tasks.misuse("require \"%s\" belongs at the top of the file, outside "
      .. "run()", name)
  end
  if loaded[name] == nil then
    check_cycle(name)
    path[#path + 1] = name
    local value = load_stdlib(name)
    if value == nil then
      value = load_file(name)
    end
    loaded[name] = value
    path[#path] = nil
  end
  return loaded[name]
end)
return L
