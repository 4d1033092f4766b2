-- luacheck: globals host migration
--- What the parts of a comparison share: both sides, lookups beyond them, the
--- findings, and which new object stands where an old one stood.

local codes, expression = migration.codes, migration.expression

local context = {}
context.__index = context

local KINDS = { "schemas", "relations", "types", "functions", "extensions",
                "casts", "operators" }

--- An extension has its name for itself, whatever schema it is in.
local function name_key(kind, schema, name)
  if kind == "extensions" then schema = nil end
  return ("%s\0%s\0%s"):format(kind, schema or "", name)
end

--- Objects of one side by kind, schema and name.
local function index_by_name(side)
  local index = {}
  for _, kind in ipairs(KINDS) do
    for _, object in pairs(side[kind] or {}) do
      local key = name_key(kind, object.schema, object.name)
      index[key] = index[key] or {}
      table.insert(index[key], object)
    end
  end
  return function(kind, schema, name)
    return index[name_key(kind, schema, name)] or {}
  end
end

local function by_id(side)
  return function(kind, id) return (side[kind] or {})[id] end
end

local function excluded(names)
  local out = {}
  for _, name in ipairs(names and names.names or names or {}) do
    out[name] = true
  end
  return out
end

--- old, new, given: see diff.compare.
function context.new(old, new, given)
  given = given or {}
  local self = setmetatable({
    old = old, new = new, findings = {},
    old_object = given.old or by_id(old),
    new_object = given.new or by_id(new),
    old_named = given.old_by_name or index_by_name(old),
    new_named = given.new_by_name or index_by_name(new),
    ledger = excluded(given.ledger),
    strip = { pg_catalog = true },
    search_path = given.search_path or { "public" },
    stands = {}, -- kind -> id of a new object -> the old one it stands for
  }, context)
  for _, schema in ipairs(self.search_path) do
    self.strip[schema] = true
  end
  for _, kind in ipairs(KINDS) do self.stands[kind] = {} end
  self:collect_renames()
  return self
end

--- Old names to new ones, for expressions that name objects.
function context:collect_renames()
  self.map = { strip = self.strip }
  for _, kind in ipairs { "relations", "types", "functions" } do
    local names = {}
    self.map[kind] = names
    for id, o in pairs(self.old[kind] or {}) do
      local n = (self.new[kind] or {})[id]
      -- where the old name has been taken again, a text means the new owner
      if n and (n.name ~= o.name or n.schema ~= o.schema) and
        #self.new_named(kind, o.schema, o.name) == 0 then
        names[o.schema .. "." .. o.name] = n.schema .. "." .. n.name
        if self.strip[o.schema] then
          names[o.name] = n.schema .. "." .. n.name
        end
      end
    end
  end
end

--- Report something. fields: level (where the code has two), where, part.
function context:find(code, object, detail, fields)
  local row = codes[code]
  assert(row, code)
  fields = fields or {}
  local level = fields.level or row.level
  self.findings[#self.findings + 1] = {
    level = level, code = code, object = object, detail = detail,
    kind = level == "caution" and (row.kind or "behaviour") or nil,
    text = row.breaks, safe = row.safe, where = fields.where,
  }
end

function context.is_ledger(self, object)
  return self.ledger[object.name] or
    object.schema and self.ledger[object.schema .. "." .. object.name]
    or false
end

--- "app.t"
function context.text(object)
  return object.schema and object.schema .. "." .. object.name or object.name
end

--- "app.f(integer, text)"
function context.signature(f)
  return ("%s(%s)"):format(context.text(f), table.concat(f.args or {}, ", "))
end

--- What stands where an old object stood: the new object, how
--- ("same", "renamed", "swapped", "recreated"), and for "swapped" where the
--- old object is now; nil, "removed".
function context:counterpart(kind, o)
  local n = self.new_object(kind, o.id)
  if n and n.schema == o.schema and n.name == o.name then return n, "same" end
  local at
  for _, candidate in ipairs(self.new_named(kind, o.schema, o.name)) do
    if candidate.id ~= o.id then at = candidate end
  end
  if at then return at, n and "swapped" or "recreated", n end
  if n then return n, "renamed" end
  return nil, "removed"
end

--- Remember which old object a new one stands for.
function context:stand(kind, n, o)
  self.stands[kind][n.id] = o
end

--- The old object that a new one stands for, or nil: it is new.
function context:stood_for(kind, n)
  return self.stands[kind][n.id]
end

--- Whether the object with that id (of the new side) was there before.
function context:was_there(kind, id, schema, name)
  if id and self.stands[kind][id] then return true end
  local o = id and self.old_object(kind, id)
  if o then
    local at = self:counterpart(kind, o)
    return at ~= nil and at.id == id
  end
  return id == nil and #self.old_named(kind, schema, name) > 0
end

--- Two texts or trees that are not expressions: white space aside.
function context.same_text(a, b)
  if a == b then return true end
  if type(a) == "string" and type(b) == "string" then
    return a:gsub("%s+", " ") == b:gsub("%s+", " ")
  end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for k, v in pairs(a) do
    if k ~= "location" and not context.same_text(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if k ~= "location" and a[k] == nil then return false end
  end
  return true
end

-- what changes by itself
local VOLATILE = { rows = true, bytes = true }

local function equal(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for k, v in pairs(a) do
    if not equal(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

local function same_parts(a, b)
  a, b = a or {}, b or {}
  if #a ~= #b then return false end
  for i, part in ipairs(a) do
    if not rawequal(part, b[i]) then return false end
  end
  return true
end

--- Whether no statement has touched the keys and constraints of a relation:
--- a catalog that is carried forward shares such parts. Columns of the new
--- side count too, as far as they have other names.
function context.shares_keys(pair)
  return next(pair.columns.map) == nil and
    same_parts(pair.old.indexes, pair.new.indexes) and
    same_parts(pair.old.constraints, pair.new.constraints)
end

--- Whether an object is as it was, but for its size.
function context.unchanged(o, n)
  for k, v in pairs(o) do
    if not VOLATILE[k] and not equal(v, n[k]) then return false end
  end
  for k in pairs(n) do
    if not VOLATILE[k] and o[k] == nil then return false end
  end
  return true
end

--- Whether a domain demands something else: columns of it do so too.
function context:domains_changed()
  if self.domains == nil then
    self.domains = false
    for id, o in pairs(self.old.types or {}) do
      local n = self.new_object("types", id)
      if o.kind == "domain" and not (n and context.unchanged(o, n)) then
        self.domains = true
      end
    end
  end
  return self.domains
end

--- An expression of the old side and one of the new: the same to PostgreSQL.
--- columns: old name -> new name.
function context:same(a, b, columns)
  if not a or not b then return not a and not b end
  if a == b and not (columns and next(columns)) then return true end
  local map = setmetatable({ columns = columns }, { __index = self.map })
  return expression.same(a, b, map)
end

--- A text of the old side ("SETOF app.t") in the names of the new one.
function context:renamed(text)
  return (text:gsub("[%w_]+%.[%w_]+", function(name)
    return self.map.types[name] or self.map.relations[name]
  end))
end

--- Sorted by name, so that findings come in an order of their own.
function context.sorted(objects)
  local list = {}
  for _, object in pairs(objects or {}) do list[#list + 1] = object end
  table.sort(list, function(a, b)
    local x, y = context.text(a), context.text(b)
    if x ~= y then return x < y end
    return a.id < b.id
  end)
  return list
end

return context
