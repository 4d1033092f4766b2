-- luacheck: globals host migration
--- Enums, domains, composite types and ranges.

local state, types = migration.apply_state, migration.apply_types
local drop = migration.apply_drop

local catalog = migration.catalog

local type_of = {}

local function add(s, list, details)
  local schema, name = types.qualified(list)
  schema = schema or s:home_schema()
  if s.cat:get("types", schema, name) then
    return s:unknown("object_unknown", schema .. "." .. name,
                     "there is one of that name: the statement fails")
  end
  details.schema, details.name = schema, name
  return s:add("types", details)
end

local function label_ids(s, labels)
  local out = {}
  for i = 1, #labels do out[i] = s.cat:new_id() end
  return out
end

function type_of.enum(s, stmt)
  local labels = types.texts(stmt.vals)
  add(s, stmt.typeName, { kind = "enum", labels = labels,
                          label_ids = label_ids(s, labels) })
end

function type_of.range(s, stmt)
  local base
  for _, node in ipairs(stmt.params or {}) do
    local e = node.DefElem
    if e.defname == "subtype" and e.arg.TypeName then
      base = types.bare(s, e.arg.TypeName)
    end
  end
  add(s, stmt.typeName, { kind = "range", base = base })
end

function type_of.composite(s, stmt)
  local range, attributes = stmt.typevar, {}
  for i, node in ipairs(stmt.coldeflist or {}) do
    local text, id = types.spell(s, node.ColumnDef.typeName)
    attributes[i] = { attnum = i, name = node.ColumnDef.colname, type = text,
                      type_id = id }
  end
  local list = { { String = { sval = range.relname } } }
  if range.schemaname then
    table.insert(list, 1, { String = { sval = range.schemaname } })
  end
  add(s, list, { kind = "composite", attributes = attributes })
end

local function check_name(type, c)
  if c.conname then return c.conname end
  local n, name = 0, type.name .. "_check"
  while state.by_name(type.checks, name) do
    n = n + 1
    name = type.name .. "_check" .. n
  end
  return name
end

local function add_check(s, type, c)
  table.insert(type.checks, {
    id = s.cat:new_id(), name = check_name(type, c),
    expression = c.raw_expr, validated = not c.skip_validation })
end

function type_of.domain(s, stmt)
  local base, id = types.spell(s, stmt.typeName)
  local below = id and s:lookup("types", id.schema, id.name) or {}
  local type = add(s, stmt.domainname, {
    kind = "domain", base = base, base_id = id,
    not_null = below.not_null or false, default = below.default,
    checks = catalog.copy(below.kind == "domain" and below.checks or {}) })
  for _, node in ipairs(type and stmt.constraints or {}) do
    local c = node.Constraint
    if c.contype == "CONSTR_NOTNULL" then type.not_null = true end
    if c.contype == "CONSTR_DEFAULT" then type.default = c.raw_expr end
    if c.contype == "CONSTR_CHECK" then add_check(s, type, c) end
  end
end

local function find(s, list, details)
  local schema, name = types.qualified(list)
  return s:object("types", schema, name, details)
end

local function place(type, stmt)
  for i, label in ipairs(type.labels) do
    if label == stmt.newValNeighbor then
      return stmt.newValIsAfter and i + 1 or i
    end
  end
  return #type.labels + 1
end

--- The enum's values where nobody has described them: the one named was
--- there.
local function assume_label(s, type, label)
  if not type.assumed or not label then return end
  for _, one in ipairs(type.labels) do
    if one == label then return end
  end
  local id = s.cat:new_id()
  table.insert(type.labels, label)
  table.insert(type.label_ids, id)
  local before = s.cat.before.types[type.id]
  if before then
    table.insert(before.labels, label)
    table.insert(before.label_ids, id)
  end
end

function type_of.alter_enum(s, stmt)
  local type = find(s, stmt.typeName, { kind = "enum", labels = {},
                                        label_ids = {} })
  if not type then return end
  type.labels = type.labels or {}
  type.label_ids = type.label_ids or label_ids(s, type.labels)
  assume_label(s, type, stmt.oldVal or stmt.newValNeighbor)
  s.cat:edit("types", type.id)
  for i, label in ipairs(type.labels) do
    if stmt.oldVal and label == stmt.oldVal then
      type.labels[i] = stmt.newVal
      return
    elseif label == stmt.newVal then
      return -- IF NOT EXISTS
    end
  end
  if stmt.oldVal then
    return s:unknown("object_unknown", state.label(type) .. " " ..
      stmt.oldVal, "there is no such value: the statement fails")
  end
  local at = place(type, stmt)
  table.insert(type.labels, at, stmt.newVal)
  table.insert(type.label_ids, at, s.cat:new_id())
end

-- The tables that have a column of the domain are looked through.
local function lock_users(s, type, visit)
  for _, relation in pairs(s.cat.relations) do
    for _, column in ipairs(relation.columns or {}) do
      local id = column.type_id
      if id and id.schema == type.schema and id.name == type.name then
        s:lock(relation, "ShareLock", "scan")
        if visit then visit(relation, column) end
      end
    end
  end
end

--- Columns of the domain follow it.
local function touch_users(s, type)
  for _, relation in pairs(s.cat.relations) do
    for _, column in ipairs(relation.columns or {}) do
      local id = column.type_id
      if id and id.schema == type.schema and id.name == type.name then
        s:edit(relation, "column:" .. column.attnum)
      end
    end
  end
end

local function drop_check(s, type, stmt)
  local found, at = state.by_name(type.checks, stmt.name)
  if found then
    table.remove(type.checks, at)
  elseif type.assumed then
    s:find { level = "caution", kind = "data", code = "domain_check_relaxed",
             object = state.label(type) }
  end
end

local domain_changes = {
  C = function(s, type, stmt)
    lock_users(s, type)
    add_check(s, type, stmt.def.Constraint)
  end,
  O = function(s, type)
    lock_users(s, type, function(relation, column)
      s:edit(relation, "column:" .. column.attnum)
    end)
    type.not_null = true
  end,
  N = function(s, type)
    if type.assumed then
      s:find { level = "caution", kind = "data", code = "not_null_dropped",
               object = state.label(type) }
    end
    touch_users(s, type)
    type.not_null = false
  end,
  T = function(s, type, stmt)
    touch_users(s, type)
    type.default = stmt.def
  end,
  X = drop_check,
  V = function(s, type, stmt)
    lock_users(s, type)
    local found = state.by_name(type.checks, stmt.name)
    if found then found.validated = true end
  end,
}

function type_of.alter_domain(s, stmt)
  local type = find(s, stmt.typeName, { kind = "domain", checks = {} })
  local change = domain_changes[stmt.subtype]
  if not type then return end
  s.cat:edit("types", type.id)
  type.checks = type.checks or {}
  if change then
    change(s, type, stmt)
  else
    s:unknown("not_judged", state.label(type),
              "this change of a domain is not judged")
  end
end

local attribute_changes = {
  AT_AddColumn = function(s, type, cmd)
    local def = cmd.def.ColumnDef
    local text, id = types.spell(s, def.typeName)
    local last = type.attributes[#type.attributes]
    table.insert(type.attributes, {
      attnum = (last and last.attnum or 0) + 1, name = def.colname,
      type = text, type_id = id })
  end,
  AT_DropColumn = function(s, type, cmd)
    local found, at = state.by_name(type.attributes, cmd.name)
    if found then
      table.remove(type.attributes, at)
    elseif not cmd.missing_ok then
      s:find { level = "incompatible", code = "column_removed",
               object = state.label(type) .. "." .. cmd.name }
    end
  end,
  AT_AlterColumnType = function(s, type, cmd)
    local found = state.by_name(type.attributes, cmd.name)
    local text, id = types.spell(s, cmd.def.ColumnDef.typeName)
    if found then
      found.type, found.type_id = text, id
    else
      s:find { level = "incompatible", code = "column_type_changed",
               object = state.label(type) .. "." .. cmd.name }
    end
  end,
}

--- An AlterTableStmt on a composite type.
function type_of.alter_composite(s, stmt)
  local range = stmt.relation
  local type = s:object("types", range.schemaname, range.relname,
                        { kind = "composite", attributes = {} })
  if not type then return end
  s.cat:edit("types", type.id)
  type.attributes = type.attributes or {}
  for _, node in ipairs(stmt.cmds or {}) do
    local cmd = node.AlterTableCmd
    local change = attribute_changes[cmd.subtype]
    if change then
      change(s, type, cmd)
    elseif cmd.subtype == "AT_ChangeOwner" then
      drop.change_owner(s, "types", type, cmd.newowner.rolename)
    else
      s:unknown("not_judged", state.label(type),
                cmd.subtype:gsub("^AT_", "") .. " is not judged")
    end
  end
end

return type_of
