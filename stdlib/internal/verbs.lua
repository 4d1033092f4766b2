-- The verbs of START as nouns with functions: metric.query { ... }.
local _, start, globals, tasks = ...

local V = { names = {} }
local nouns = {}   -- noun -> fields
local proxies = {} -- noun -> what the author sees

local function check_args(verb, noun, args, more)
  if args ~= nil and rawequal(args, proxies[noun]) then
    tasks.misuse("write %s { ... } with a dot, not a colon", verb)
  elseif args ~= nil and type(args) ~= "table" then
    tasks.misuse("%s takes one table, not a %s: %s { name = value }", verb,
      type(args), verb)
  elseif more > 0 then
    tasks.misuse("%s takes one table, and got %d arguments", verb, more + 1)
  end
end

local function make(verb, effect, noun)
  return function(args, ...)
    check_args(verb, noun, args, select("#", ...))
    return tasks.call(verb, effect, args or {})
  end
end

for _, row in ipairs(start.verbs or {}) do
  local noun, field = row.name:match("^([a-z_]+)%.([a-z_]+)$")
  nouns[noun] = nouns[noun] or {}
  nouns[noun][field] = make(row.name, row.effect, noun)
  V.names[#V.names + 1] = row.name
end
table.sort(V.names)

-- wait("30s") is wait.sleep { duration = "30s" }.
local function wait(_, duration)
  if type(duration) ~= "string" then
    tasks.misuse("wait takes a duration such as wait(\"30s\")")
  end
  return tasks.call("wait.sleep", "wait", { duration = duration })
end

for noun, fields in pairs(nouns) do
  local extra = noun == "wait" and fields.sleep and { __call = wait } or nil
  proxies[noun] = globals.sealed(fields, noun, extra)
  globals.define(noun, proxies[noun], fields)
end
return V
