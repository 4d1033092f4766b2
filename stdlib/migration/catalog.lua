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

--- Members that hold the parser's trees. Nobody changes a tree in place, so
--- that copies can share it.
local FROZEN = { default = true, expression = true, predicate = true,
                 definition = true, using = true, check = true, body = true,
                 generated_expression = true, bound = true }

local function copy(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for k, v in pairs(value) do
    out[k] = (FROZEN[k] or type(v) ~= "table") and v or copy(v)
  end
  return out
end
catalog.copy = copy

--- An empty database.
function catalog.new()
  local self = setmetatable({ next_id = FIRST_OWN, by_name = {},
                              search_path = { "public" }, index_of = {},
                              constraint_of = {},
                              users = {} }, catalog)
  for _, kind in ipairs(KINDS) do self[kind] = {} end
  self:begin()
  return self
end

--- A document leaves out what a relation has none of.
local function whole(relation)
  for _, list in ipairs { "columns", "constraints", "indexes", "triggers",
                          "policies", "rules" } do
    relation[list] = relation[list] or {}
  end
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
  for _, relation in pairs(self.relations) do
    whole(relation)
    self:connect(relation)
  end
  self.search_path = document.search_path or self.search_path
  self.database, self.loaded = document.database, true
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
  local list = self.by_name[name_key(kind, { schema = schema, name = name })]
  return list and self[kind][list[1]]
end

function catalog:all(kind, schema, name)
  local out = {}
  local key = name_key(kind, { schema = schema, name = name })
  for i, id in ipairs(self.by_name[key] or {}) do out[i] = self[kind][id] end
  return out
end

--- A new unit: what is edited from here on is what it has changed.
function catalog:begin()
  self.before, self.marks, self.guesses = {}, {}, {}
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

-- Parts of a relation, by the word that names one in catalog:edit.
local PARTS = { column = "columns", constraint = "constraints",
                index = "indexes", trigger = "triggers",
                policy = "policies", rule = "rules" }
local is_list = {}
for _, list in pairs(PARTS) do is_list[list] = true end

--- A relation that shares its parts with the one it is copied from.
local function thin_copy(relation)
  local out = {}
  for k, v in pairs(relation) do
    if is_list[k] then
      out[k] = table.move(v, 1, #v, 1, {})
    else
      out[k] = (FROZEN[k] or type(v) ~= "table") and v or copy(v)
    end
  end
  return out
end

local function save(self, kind, id)
  local before = self.before[kind]
  if before[id] == nil then
    local object = self[kind][id]
    before[id] = object and
      (kind == "relations" and thin_copy or copy)(object) or false
  end
end

--- From here on the part may be changed in place: what was before keeps one
--- of its own. part "*": all of them.
local function unshare(before, part)
  if part == "*" then
    for list in pairs(is_list) do
      before[list] = before[list] and copy(before[list])
    end
    return
  end
  local word, number = part:match("^(%a+):(%d+)$")
  local list = before[PARTS[word] or ""]
  number = tonumber(number)
  for i, one in ipairs(list or {}) do
    if (one.attnum or one.id) == number then list[i] = copy(one) end
  end
end

--- The object, to be changed in place; of a relation's parts only the one
--- named (see touched_by), or all of them ("*").
function catalog:edit(kind, id, part)
  save(self, kind, id)
  local before = part and kind == "relations" and self.before[kind][id]
  if before then unshare(before, part) end
  self:mark(kind, id, part)
  return self[kind][id]
end

--- What was before shares nothing any more: another unit may begin while it
--- is still needed.
function catalog:settle()
  for _, before in pairs(self.before.relations) do
    if before then unshare(before, "*") end
  end
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
  self.guesses[#self.guesses + 1] = { kind, details.id }
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

--- All objects that had the name before the unit.
function catalog:was_named(kind, schema, name)
  local out = {}
  for _, object in ipairs(self:all(kind, schema, name)) do
    if self.before[kind][object.id] == nil then out[#out + 1] = object end
  end
  for _, object in pairs(self.before[kind]) do
    if object and object.schema == schema and object.name == name then
      out[#out + 1] = object
    end
  end
  return out
end

--- The relation speaks of the one with that id.
function catalog:use(relation, id)
  if not id or id == relation.id then return end
  self.users[id] = self.users[id] or {}
  self.users[id][relation.id] = true
end

--- Which relations speak of which others, and where indexes are: two maps
--- that only ever grow. Whoever reads them looks whether it is still so.
function catalog:connect(relation)
  local function uses(id) self:use(relation, id) end
  for _, c in ipairs(relation.constraints or {}) do
    if c.references then uses(c.references.id) end
    if c.name then self:know_constraint(relation, c.name) end
  end
  for _, d in ipairs(relation.depends or {}) do uses(d.id) end
  for _, id in ipairs(relation.inherits or {}) do uses(id) end
  if relation.partition_of then uses(relation.partition_of.id) end
  local owned = relation.sequence and relation.sequence.owned_by
  if owned then uses(owned.id) end
  for _, index in ipairs(relation.indexes or {}) do
    self.index_of[relation.schema .. "\0" .. index.name] = relation.id
  end
end

--- The relation has, or is about to have, a constraint of that name.
function catalog:know_constraint(relation, name)
  local key = (relation.schema or "") .. "\0" .. name
  self.constraint_of[key] = self.constraint_of[key] or {}
  self.constraint_of[key][relation.id] = true
end

--- Whether a relation of the schema has a constraint of that name.
function catalog:has_constraint(schema, name)
  for id in pairs(self.constraint_of[(schema or "") .. "\0" .. name] or {}) do
    local relation = self.relations[id]
    for _, c in ipairs(relation and relation.schema == schema and
                       relation.constraints or {}) do
      if c.name == name then return true end
    end
  end
  return false
end

--- The relation that has the index, and its place in the list, or nil.
function catalog:index(schema, name)
  local relation = self.relations[self.index_of[schema .. "\0" .. name] or 0]
  if not relation or relation.schema ~= schema then return nil end
  for i, index in ipairs(relation.indexes or {}) do
    if index.name == name then return relation, i end
  end
end

--- Relations that speak of another one, in the order in which they came.
--- own: the one itself, too.
function catalog:used_by(id, own)
  local out = { own and self.relations[id] or nil }
  for user in pairs(self.users[id] or {}) do
    out[#out + 1] = self.relations[user]
  end
  table.sort(out, function(a, b) return a.id < b.id end)
  return out
end

local function put_back(self, kind, id, object)
  if self[kind][id] then self:unname(kind, self[kind][id]) end
  self[kind][id] = object or nil
  if object then
    self:name(kind, object)
    if kind == "relations" then self:connect(object) end
  end
end

--- Take the unit back: everything is as catalog:begin found it.
function catalog:revert()
  for _, kind in ipairs(KINDS) do
    for id, object in pairs(self.before[kind]) do
      put_back(self, kind, id, object)
    end
  end
  for _, guess in ipairs(self.guesses) do
    put_back(self, guess[1], guess[2], nil)
  end
  self:begin()
end

--- Let go of what the unit has done to one object, as if it had never been
--- there (a temporary table).
function catalog:forget(kind, id)
  if self[kind][id] then self:unname(kind, self[kind][id]) end
  self[kind][id], self.before[kind][id] = nil, nil
end

catalog.KINDS = KINDS
return catalog
