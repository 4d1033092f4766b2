-- luacheck: globals host migration
--- What the statements of a migration are applied to: a catalog, the session
--- (search path, temporary tables), and what was found that no catalog shows.
---
--- A catalog is closed when everything in it is known: the database was empty
--- before its first statement, or a live one was read. What an open one does
--- not hold may be there all the same, and is assumed as soon as a statement
--- speaks of it. A closed one opens when a statement needs what it lacks.

local catalog = migration.catalog

local state = {}
state.__index = state

local OWNER = "current_user"
local ASSUMED_END = 10000 -- numbers of columns that nobody has described

function state.new(cat, options)
  local self = setmetatable({
    cat = cat, closed = options.closed, findings = {}, programs = {},
    home = options.search_path or cat.search_path or { "public" },
    owner = OWNER, ledger = {}, gone = {}, temporary = {}, unit = 0,
    later_rights = {}, -- what ALTER DEFAULT PRIVILEGES has said
  }, state)
  for _, name in ipairs(options.ledger or {}) do self.ledger[name] = true end
  if options.empty then self:add_public() end
  self:begin()
  self:begin_file()
  return self
end

--- The schema that every database begins with (PostgreSQL 15 and later; in
--- older ones PUBLIC may also create objects in it).
function state:add_public()
  self.cat:add("schemas", { name = "public", owner = "pg_database_owner",
                            acl = { pg_database_owner = { "CREATE", "USAGE" },
                                    PUBLIC = { "USAGE" } } })
end

--- Whether the relation is where a migration tool keeps its own rows.
function state:is_ledger(relation)
  return self.ledger[relation.name] or self.ledger[state.label(relation)]
    or false
end

--- A new unit: a migration of a history, or a release.
function state:begin()
  self.cat:begin()
  self.findings, self.watched, self.unit = {}, {}, self.unit + 1
end

--- A new session.
function state:begin_file()
  self.path = self.home
  self.data, self.locks = {}, {}
end

function state:end_file()
  for id in pairs(self.temporary) do self.cat:forget("relations", id) end
  self.temporary = {}
  self.path, self.local_path, self.zone = self.home, nil, nil
  self.owner = OWNER
end

function state:end_transaction()
  if self.local_path then self.path, self.local_path = self.local_path, nil end
end

--- Write down what no catalog shows: level, code, object, and what more there
--- is to say.
function state:find(finding)
  finding.statement = self.cat.statement
  self.findings[#self.findings + 1] = finding
end

function state:unknown(code, object, text)
  self:find { level = "unknown", code = code, object = object, text = text }
end

--- schema.name, for people.
function state.label(object)
  return object.schema and object.schema .. "." .. object.name or object.name
end

function state.text(range)
  return range.schemaname and range.schemaname .. "." .. range.relname
    or range.relname or "?"
end

local function is_system(schema, name)
  return schema == "pg_catalog" or schema == "information_schema" or
    schema == "pg_toast" or (not schema and name:find("^pg_"))
end
state.is_system = is_system

--- The schema in which an object without one is made.
function state:home_schema()
  return self.path[1] or "public"
end

--- An object by its name, along the search path, or nil.
function state:lookup(kind, schema, name)
  if schema then return self.cat:get(kind, schema, name) end
  if kind == "relations" and next(self.temporary) then
    local temporary = self.cat:get(kind, "pg_temp", name)
    if temporary then return temporary end
  end
  for _, one in ipairs(self.path) do
    local found = self.cat:get(kind, one, name)
    if found then return found end
  end
end

local function gone_key(kind, schema, name)
  return kind .. "\0" .. schema .. "\0" .. name
end

--- Whether an object that the catalog does not hold may be there all the
--- same. missing_ok: the statement does not need it.
function state:may_exist(kind, schema, name, missing_ok)
  schema = schema or self:home_schema()
  if self.gone[gone_key(kind, schema, name)] then
    if not missing_ok then
      self:unknown("object_unknown", schema .. "." .. name,
                   "an earlier statement removes it: this one fails")
    end
    return false
  end
  if self.closed and missing_ok then return false end
  self.closed = false
  return true
end

local lists = { "columns", "constraints", "indexes", "triggers", "policies",
                "rules" }

--- The relation, assumed where nobody has described it; nil where there is
--- none (IF EXISTS), or where it is PostgreSQL's own.
function state:relation(range, kind, missing_ok)
  local schema, name = range.schemaname, range.relname
  local found = self:lookup("relations", schema, name)
  if found or is_system(schema, name) then return found end
  if not self:may_exist("relations", schema, name, missing_ok) then
    return nil
  end
  local relation = { schema = schema or self:home_schema(), name = name,
                     kind = kind or "table", persistence = "p" }
  for _, list in ipairs(lists) do relation[list] = {} end
  return self.cat:assume("relations", relation)
end

function state:object(kind, schema, name, details, missing_ok)
  local found = self:lookup(kind, schema, name)
  if found or is_system(schema, name) then return found end
  if not self:may_exist(kind, schema, name, missing_ok) then return nil end
  details.schema, details.name = schema or self:home_schema(), name
  return self.cat:assume(kind, details)
end

local function by_name(list, name)
  for i, part in ipairs(list or {}) do
    if part.name == name then return part, i end
  end
end
state.by_name = by_name

--- Behind those that were assumed before it, and before what is new.
local function insert_assumed(list, part)
  local at = 1
  while list[at] and list[at].assumed do at = at + 1 end
  table.insert(list, at, part)
end

--- A part that was there before the unit and that nobody has described.
function state:assume_part(relation, list, part)
  part.assumed = true
  insert_assumed(relation[list], part)
  local before = self.cat.before.relations[relation.id]
  if before then insert_assumed(before[list], catalog.copy(part)) end
  return part
end

--- A statement tells what an assumed part was like before it.
function state:assume_field(relation, list, part, field, value)
  if not part.assumed or part[field] ~= nil then return end
  part[field] = value
  local before = self.cat.before.relations[relation.id]
  local was = before and by_name(before[list], part.name)
  if was and was[field] == nil then was[field] = value end
end

--- Whether the unit itself has taken the part away.
function state:has_lost(relation, list, name)
  local before = self.cat.before.relations[relation.id]
  return before and by_name(before[list], name) ~= nil
end

--- A column by its name; nil, and said so, where there is none.
function state:column(relation, name, missing_ok)
  local column = by_name(relation.columns, name)
  if column then return column end
  if relation.assumed and not self:has_lost(relation, "columns", name) then
    relation.assumed_columns = (relation.assumed_columns or 0) + 1
    return self:assume_part(relation, "columns",
                            { name = name,
                              attnum = relation.assumed_columns })
  end
  if not missing_ok then
    self:unknown("object_unknown", state.label(relation) .. "." .. name,
                 "there is no such column: the statement fails")
  end
end

--- No number is given twice, not even that of a column that went away.
function state.keep_attnums(relation)
  if relation.next_attnum then return end
  local last = relation.assumed and ASSUMED_END or 0
  for _, c in ipairs(relation.columns) do
    if c.attnum > last then last = c.attnum end
  end
  relation.next_attnum = last + 1
end

function state.next_attnum(relation)
  state.keep_attnums(relation)
  relation.next_attnum = relation.next_attnum + 1
  return relation.next_attnum - 1
end

--- The relation, to be changed in place.
function state:edit(relation, part)
  return self.cat:edit("relations", relation.id, part)
end

function state:add(kind, object)
  if object.owner == nil and kind ~= "casts" then object.owner = self.owner end
  self.gone[gone_key(kind, object.schema or "", object.name)] = false
  self.cat:add(kind, object)
  if #self.later_rights > 0 then
    migration.apply_grant.at_birth(self, kind, object)
  end
  return object
end

function state:add_relation(relation)
  for _, list in ipairs(lists) do relation[list] = relation[list] or {} end
  relation.persistence = relation.persistence or "p"
  self:add("relations", relation)
  if relation.persistence == "t" then self.temporary[relation.id] = true end
  self.cat:connect(relation)
  return relation
end

function state:remove(kind, object)
  self.gone[gone_key(kind, object.schema or "", object.name)] = true
  self.cat:remove(kind, object.id)
end

--- Whether the object was there before the unit.
function state:is_old(kind, object)
  return not self.temporary[object.id] and
    self.cat:was(kind, object.id) ~= nil
end

local strength = {
  AccessShareLock = 1, RowShareLock = 2, RowExclusiveLock = 3,
  ShareUpdateExclusiveLock = 4, ShareLock = 5, ShareRowExclusiveLock = 6,
  ExclusiveLock = 7, AccessExclusiveLock = 8,
}
local effort = { none = 1, scan = 2, index = 3, rewrite = 4 }

--- The statement locks a relation that others use. mode as pg_locks names
--- it, work: what is done while it is held ("rewrite", "index", "scan").
function state:lock(relation, mode, work)
  if not self:is_old("relations", relation) then return end
  local label = state.label(relation)
  local entry = self.locks[label]
  if not entry then
    entry = { relation = label, mode = mode, work = work or "none" }
    self.locks[label] = entry
    self.locks[#self.locks + 1] = entry
  end
  if strength[mode] > strength[entry.mode] then entry.mode = mode end
  if effort[work or "none"] > effort[entry.work] then entry.work = work end
end

return state
