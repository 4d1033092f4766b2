-- luacheck: globals host migration
--- A catalog: what a database's schema is, as one table. It comes from a live
--- server (the document that core/drivers/pg_catalog.h describes), from
--- statements that are applied one after the other (apply.lua), or from both.
---
--- Every object has an id that stays with it when it is renamed: PostgreSQL's
--- OID, or a number above FIRST_OWN for what statements made. Columns have
--- their attribute number. That is how a rename is told from a removal.
---
--- A unit (a migration, a release) begins with catalog:begin. What it edits
--- is copied first, so that catalog:changes can give both sides of what the
--- unit has touched, and nothing else, however large the catalog is.

local catalog = {}
catalog.__index = catalog

local FIRST_OWN = 1 << 40

--- The kinds, each a list of the document and a table by id here.
local KINDS = { "schemas", "relations", "types", "functions", "extensions",
                "casts", "operators" }

--- Kinds whose names share one name space of their own. PostgreSQL's tables
--- and types do not collide here: a relation's row type is not listed.
local function name_key(kind, object)
  if kind == "schemas" or kind == "extensions" then
    return kind .. "\0" .. object.name
  end
  return kind .. "\0" .. (object.schema or "") .. "\0" .. object.name
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for k, v in pairs(value) do out[k] = copy(v) end
  return out
end
catalog.copy = copy

--- An empty database.
function catalog.new()
  local self = setmetatable({ next_id = FIRST_OWN, by_name = {},
                              search_path = { "public" } }, catalog)
  for _, kind in ipairs(KINDS) do self[kind] = {} end
  self:begin()
  return self
end

--- From the document of a live database.
function catalog.load(document)
  local self = catalog.new()
  for _, kind in ipairs(KINDS) do
    for _, object in ipairs(document[kind] or {}) do
      self[kind][object.id] = object
      self:name(kind, object)
    end
  end
  self.search_path = document.search_path or self.search_path
  self.database = document.database
  self:begin()
  return self
end

function catalog:name(kind, object)
  local key = name_key(kind, object)
  local list = self.by_name[key]
  if not list then
    list = {}
    self.by_name[key] = list
  end
  list[#list + 1] = object.id
end

function catalog:unname(kind, object)
  local key = name_key(kind, object)
  local list = self.by_name[key] or {}
  for i = #list, 1, -1 do
    if list[i] == object.id then table.remove(list, i) end
  end
  if #list == 0 then self.by_name[key] = nil end
end

--- The object of that kind, schema and name, or nil. Functions share names:
--- catalog:all gives every one.
function catalog:get(kind, schema, name)
  local list = self:all(kind, schema, name)
  return list[1]
end

function catalog:all(kind, schema, name)
  local out = {}
  local key = name_key(kind, { schema = schema, name = name })
  for i, id in ipairs(self.by_name[key] or {}) do out[i] = self[kind][id] end
  return out
end

--- A new unit: what is edited from here on is what it has changed.
function catalog:begin()
  self.before, self.marks = {}, {}
  for _, kind in ipairs(KINDS) do self.before[kind] = {} end
end

local function mark_key(kind, id, part)
  return kind .. ":" .. id .. (part and ":" .. part or "")
end

function catalog:mark(kind, id, part)
  if self.statement then
    self.marks[mark_key(kind, id)] = self.statement
    if part then self.marks[mark_key(kind, id, part)] = self.statement end
  end
end

--- The statement of this unit that last touched the object, or a part of it
--- ("column:3", "constraint:17", "index:..", "trigger:..", "policy:..").
function catalog:touched_by(kind, id, part)
  return part and self.marks[mark_key(kind, id, part)]
    or self.marks[mark_key(kind, id)]
end

local function save(self, kind, id)
  local before = self.before[kind]
  if before[id] == nil then
    local object = self[kind][id]
    before[id] = object and copy(object) or false
  end
end

--- The object, to be changed in place. part: see touched_by.
function catalog:edit(kind, id, part)
  save(self, kind, id)
  self:mark(kind, id, part)
  return self[kind][id]
end

--- A new object; gives it an id.
function catalog:add(kind, object)
  object.id = self:new_id()
  self.before[kind][object.id] = false
  self[kind][object.id] = object
  self:name(kind, object)
  self:mark(kind, object.id)
  return object
end

function catalog:new_id()
  self.next_id = self.next_id + 1
  return self.next_id
end

function catalog:remove(kind, id)
  save(self, kind, id)
  self:mark(kind, id)
  self:unname(kind, self[kind][id])
  self[kind][id] = nil
end

--- Another name or schema for an object.
function catalog:rename(kind, id, schema, name)
  local object = self:edit(kind, id)
  self:unname(kind, object)
  object.schema, object.name = schema, name
  self:name(kind, object)
end

--- An object that statements speak of and nobody has described (the history
--- before it is not known): it was there before the unit, and what it is like
--- is unknown but for what the caller puts into it. details.assumed is set.
function catalog:assume(kind, details)
  details.assumed = true
  details.id = self:new_id()
  self[kind][details.id] = details
  self:name(kind, details)
  return details
end

--- What the unit has touched: {relations = {id -> object}, ..} as it was
--- before the unit, and as it is now.
function catalog:changes()
  local old, new = {}, {}
  for _, kind in ipairs(KINDS) do
    old[kind], new[kind] = {}, {}
    for id, was in pairs(self.before[kind]) do
      old[kind][id] = was or nil
      new[kind][id] = self[kind][id]
    end
  end
  return old, new
end

--- An object as it was before the unit.
function catalog:was(kind, id)
  local before = self.before[kind][id]
  if before == nil then return self[kind][id] end
  return before or nil
end

catalog.KINDS = KINDS
return catalog
