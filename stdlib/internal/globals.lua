-- The names an author can use, and how wrong ones are refused. The list in
-- this file is the dialect: what is not here does not exist for a runbook.
local host = ...

local pure = {
  "assert", "error", "ipairs", "pairs", "pcall", "select", "tonumber",
  "tostring", "type", "xpcall", "math", "string", "table", "utf8", "lpeg",
}
local libraries = { "math", "string", "table", "utf8", "lpeg" }

-- Why a name of stock Lua is missing, and what to use.
local gone = {
  print = "use log(...)",
  warn = "use log(...)",
  io = "a runbook reaches the world through verbs only",
  os = "the time comes from clock.now(), and programs are run by command.run",
  require = "require is for runbooks",
  next = "use pairs",
  coroutine = "use parallel or guard",
  setmetatable = "metatables are not part of the dialect",
  getmetatable = "metatables are not part of the dialect",
  rawget = "metatables are not part of the dialect",
  rawset = "metatables are not part of the dialect",
  load = "put the code into a module and require it",
  loadstring = "put the code into a module and require it",
  dofile = "put the code into a module and require it",
  loadfile = "put the code into a module and require it",
  collectgarbage = "memory is limited by the environment",
  debug = "errors carry their trace",
  package = "require finds modules below the runbooks folder",
  unpack = "use table.unpack",
}

local G = { loading = true }
local builtins, author = {}, {}
local known -- sorted names, made when the first one is not found

--- " (did you mean x?)", or "".
function G.suggest(name, names)
  local near = type(name) == "string" and host.nearest(name, names)
  return near and (" (did you mean %s?)"):format(near) or ""
end

local function nearest_global(name)
  known = host.keys(builtins)
  for _, own in ipairs(host.keys(author)) do
    known[#known + 1] = tostring(own)
  end
  return G.suggest(name, known)
end

local function undefined(_, name)
  local hint = gone[name]
  hint = hint and ("; " .. hint) or nearest_global(name)
  error(("undefined global '%s'%s"):format(tostring(name), hint), 2)
end

local function assign(_, name, value)
  if rawget(builtins, name) ~= nil then
    error(("'%s' is a name of rbrun's; choose another one"):format(
      tostring(name)), 2)
  end
  if not G.loading then
    error(("'%s' is not declared: write local %s, or set it at the top of "
      .. "the file"):format(tostring(name), tostring(name)), 2)
  end
  rawset(author, name, value)
end

--- Make the fields of a table the only ones that can be read.
function G.strict(fields, what)
  return setmetatable(fields, {
    __metatable = false,
    __index = function(_, name)
      error(("%s has no '%s'%s"):format(what, tostring(name),
        G.suggest(name, host.keys(fields))), 2)
    end,
  })
end

--- A table that can be read and not changed; extra: more metamethods.
function G.sealed(fields, what, extra)
  local meta = extra or {}
  meta.__metatable = false
  meta.__index = G.strict(fields, what)
  meta.__newindex = function()
    error(what .. " cannot be changed", 2)
  end
  return setmetatable({}, meta)
end

--- Give a builtin its value. fields: what `name.field` may be, if known.
G.fields = {}
function G.define(name, value, fields)
  rawset(builtins, name, value)
  G.fields[name] = fields
end

--- Whether a global of that name exists, and whether it has the field.
function G.is_known(name, field)
  local fields = G.fields[name]
  if rawget(builtins, name) == nil and rawget(author, name) == nil then
    return false
  end
  return not (field and fields) or rawget(fields, field) ~= nil
end

--- The nearest known name to an unknown global or field, or nil.
function G.near(name, field)
  if field and G.fields[name] then
    return host.nearest(field, host.keys(G.fields[name]))
  end
  local near = not gone[name] and host.nearest(name, host.keys(builtins))
  if near and field and G.is_known(near, field) and G.fields[near] then
    return near .. "." .. field
  end
  return near or nil
end

--- What to use instead of a name of stock Lua, or nil.
function G.instead(name)
  return gone[name]
end

--- A global of the author's own, or nil.
function G.own(name)
  return rawget(author, name)
end

for _, name in ipairs(pure) do
  rawset(builtins, name, _ENV[name])
end
-- The core uses the same tables, so nobody may change them.
for _, name in ipairs(libraries) do
  G.define(name, G.sealed(_ENV[name], name), _ENV[name])
end
G.author = setmetatable(author, {
  __metatable = false,
  __index = setmetatable(builtins, { __index = undefined }),
  __newindex = assign,
})
return G
