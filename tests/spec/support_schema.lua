-- A validator of the part of JSON Schema (2020-12) that our schema files
-- use; it refuses any other word in one.

local json = require "dkjson"

local V = {}

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

function V.decode(text)
  local value, _, why = json.decode(text, 1, json.null)
  return assert(value, why)
end

local function type_of(value)
  if value == json.null then return "null" end
  if type(value) == "table" then return getmetatable(value).__jsontype end
  return math.type(value) == "integer" and "integer" or type(value)
end

local words = {}
local check, root

function words.type(value, names)
  local own = type_of(value)
  for _, name in ipairs(type(names) == "table" and names or { names }) do
    if own == name or own == "integer" and name == "number" then return nil end
  end
  return "is a " .. own
end

function words.const(value, wanted)
  return value ~= wanted and "is " .. tostring(value) or nil
end

function words.enum(value, list)
  for _, item in ipairs(list) do
    if item == value then return nil end
  end
  return "is " .. tostring(value)
end

function words.required(value, names)
  for _, name in ipairs(names) do
    if value[name] == nil then return "lacks " .. name end
  end
end

function words.properties(value, properties)
  if type(value) ~= "table" or value == json.null then return nil end
  for name, rule in pairs(properties) do
    local why = value[name] ~= nil and check(value[name], rule)
    if why then return name .. ": " .. why end
  end
end

function words.additionalProperties(value, allowed, rule)
  assert(allowed == false)
  for name in pairs(value) do
    if not rule.properties[name] then return "has a field " .. name end
  end
end

function words.items(value, rule)
  for i, item in ipairs(value) do
    local why = check(item, rule)
    if why then return i .. ": " .. why end
  end
end

words["$ref"] = function(value, name)
  return check(value, assert(root["$defs"][name:match "^#/%$defs/(.+)$"], name))
end

function words.oneOf(value, rules)
  local whys, fits = {}, 0
  for _, rule in ipairs(rules) do
    local why = check(value, rule)
    whys[#whys + 1] = why
    fits = fits + (why and 0 or 1)
  end
  return fits ~= 1 and fits .. " fit: " .. table.concat(whys, "; ") or nil
end

local SAID = { ["$schema"] = true, ["$defs"] = true, title = true }
-- Whether the value has the type comes first: the others rely on it.
local ORDER = { "type", "const", "enum", "required", "properties",
                "additionalProperties", "items", "$ref", "oneOf" }

check = function(value, rule)
  for word in pairs(rule) do
    assert(words[word] or SAID[word], "the validator does not know " .. word)
  end
  for _, word in ipairs(ORDER) do
    local why = rule[word] ~= nil and words[word](value, rule[word], rule)
    if why then return why end
  end
end

--- The schema in a file.
function V.load(path)
  return V.decode(read(path))
end

--- Why a value does not fit the schema, or a definition of it; or nil.
function V.check(value, schema, definition)
  root = schema
  return check(value, definition or schema)
end

--- The same by the schema's file.
function V.misfit(path, value)
  return V.check(value, V.load(path))
end

return V
