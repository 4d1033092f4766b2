-- luacheck: globals host migration
--- RENAME and SET SCHEMA.

local state, types = migration.apply_state, migration.apply_types
local index, constraint = migration.apply_index, migration.apply_constraint
local drop, query = migration.apply_drop, migration.apply_query

local rename = {}

local AEX = "AccessExclusiveLock"

local function moved(s, kind, object, schema, name)
  local old = kind .. "\0" .. (object.schema or "") .. "\0" .. object.name
  s.gone[old] = true
  s.gone[kind .. "\0" .. (schema or "") .. "\0" .. name] = false
  s.cat:rename(kind, object.id, schema, name)
  if kind == "relations" then s.cat:connect(object) end
end

local relation_kinds = {
  OBJECT_TABLE = "table", OBJECT_VIEW = "view", OBJECT_MATVIEW = "matview",
  OBJECT_SEQUENCE = "sequence", OBJECT_FOREIGN_TABLE = "foreign_table",
}

--- ALTER TABLE .. RENAME also renames an index.
local function renamed_index(s, range, name)
  local relation, at = index.find(s, range.schemaname, range.relname)
  if not relation then return false end
  index.rename(s, relation, at, name)
  return true
end

local function relation_renamed(s, stmt)
  local range = stmt.relation
  if not s:lookup("relations", range.schemaname, range.relname) and
    renamed_index(s, range, stmt.newname) then
    return
  end
  local relation = s:relation(range, relation_kinds[stmt.renameType],
                              stmt.missing_ok)
  if not relation then return end
  s:lock(relation, AEX)
  local was = { schema = relation.schema, name = relation.name }
  moved(s, "relations", relation, relation.schema, stmt.newname)
  rename.references(s, relation, was)
end

--- A tree in which a relation has another name.
local function tree_reading(tree, from, to)
  if type(tree) ~= "table" then return tree end
  local out = {}
  for key, value in pairs(tree) do out[key] = tree_reading(value, from, to) end
  if out.relname == from.name and
    (out.schemaname or from.schema) == from.schema then
    out.relname = to.name
    out.schemaname = out.schemaname and to.schema
  end
  return out
end

--- The definition of a view names what it reads, as the server shows it.
local function view_reads_renamed(s, view, was, relation)
  for _, d in ipairs(view.depends or {}) do
    if d.id == relation.id then
      local definition = view.definition
      s:edit(view).definition = type(definition) == "string"
        and definition:gsub("%f[%w_]" .. was.name:gsub("%p", "%%%0")
                              .. "%f[^%w_]", (relation.name:gsub("%%", "%%%%")))
        or tree_reading(definition, was, relation)
      return
    end
  end
end

--- What foreign keys and types of columns say of a relation by name.
function rename.references(s, relation, was)
  for _, other in ipairs(s.cat:used_by(relation.id, true)) do
    for _, c in ipairs(other.constraints or {}) do
      if c.references and c.references.id == relation.id then
        s:edit(other, "constraint:" .. c.id)
        c.references.schema, c.references.name = relation.schema,
          relation.name
      end
    end
    if was then view_reads_renamed(s, other, was, relation) end
  end
end

local function index_renamed(s, stmt)
  local range = stmt.relation
  if renamed_index(s, range, stmt.newname) then return end
  if s:may_exist("indexes", range.schemaname, range.relname,
                 stmt.missing_ok) then
    s:find { level = "caution", kind = "shape", code = "constraint_renamed",
             object = ("%s -> %s"):format(range.relname, stmt.newname),
             text = "older code may name the constraint that the index backs"
           }
  end
end

local function in_list(list, from, to)
  for i, name in ipairs(list or {}) do
    if name == from then list[i] = to end
  end
end

local function in_expression(source, from, to)
  if source == nil then return nil end
  return migration.expression.renamed(source, { [from] = to })
end

--- The column's name wherever its relation says it.
local function column_in_parts(relation, from, to)
  for _, c in ipairs(relation.constraints) do
    in_list(c.columns, from, to)
    c.expression = in_expression(c.expression, from, to)
    local kept = type(c.definition) == "table" or c.type ~= "x" and
      c.expression == nil
    c.definition = kept and c.definition or nil
    if type(c.definition) == "table" then
      c.definition = migration.catalog.copy(c.definition)
      in_list(c.definition.keys, from, to)
    end
  end
  for _, one in ipairs(relation.indexes) do
    in_list(one.columns, from, to)
    in_list(one.include, from, to)
    for _, key in ipairs(one.columns) do
      if type(key) == "table" then
        key.expression = in_expression(key.expression, from, to)
      end
    end
    one.predicate = in_expression(one.predicate, from, to)
  end
  for _, policy in ipairs(relation.policies or {}) do
    policy.using = in_expression(policy.using, from, to)
    policy.check = in_expression(policy.check, from, to)
  end
  for _, trigger in ipairs(relation.triggers or {}) do
    in_list(trigger.columns, from, to)
  end
  for _, column in ipairs(relation.columns) do
    if column.generated then
      column.default = in_expression(column.default, from, to)
    end
  end
end

local function column_in_references(s, relation, from, to)
  for _, other in ipairs(s.cat:used_by(relation.id)) do
    for _, c in ipairs(other.constraints or {}) do
      if c.references and c.references.id == relation.id then
        s:edit(other, "constraint:" .. c.id)
        in_list(c.references.columns, from, to)
      end
    end
  end
  for _, c in ipairs(relation.constraints) do
    if c.references and c.references.id == relation.id then
      in_list(c.references.columns, from, to)
    end
  end
end

--- A tree in which a column has another name.
local function renamed_tree(tree, from, to)
  if type(tree) ~= "table" then return tree end
  local out = {}
  for key, value in pairs(tree) do out[key] = renamed_tree(value, from, to) end
  if tree.fields then
    local last = out.fields[#out.fields]
    if last and last.String and last.String.sval == from then
      last.String.sval = to
    end
  end
  return out
end

--- Views keep their columns' names, and read the column by its new one.
local function column_in_views(s, relation, column, from, to)
  for _, one in ipairs(s.cat:used_by(relation.id)) do
    for _, d in ipairs(one.depends or {}) do
      if d.id == relation.id and d.column == column.attnum then
        local view = s:edit(one)
        view.definition = type(one.definition) == "table"
          and renamed_tree(one.definition, from, to) or nil
        local key = query.star_key(relation, column)
        if view.stars and view.stars[key] then view.stars[key] = to end
        break
      end
    end
  end
end

--- Of the relation and of all that inherits from it.
local function rename_column(s, relation, from, to)
  local column = s:column(relation, from)
  if not column then return end
  column_in_views(s, relation, column, from, to)
  s:edit(relation, "*")
  s:edit(relation, "column:" .. column.attnum)
  column.name = to
  column_in_parts(relation, from, to)
  column_in_references(s, relation, from, to)
  for _, child in ipairs(index.children(s, relation)) do
    if state.by_name(child.columns, from) then
      rename_column(s, child, from, to)
    end
  end
end

local function attribute_renamed(s, stmt)
  local range = stmt.relation
  local type = s:object("types", range.schemaname, range.relname,
                        { kind = "composite", attributes = {} })
  if not type then return end
  s.cat:edit("types", type.id)
  for _, a in ipairs(type.attributes or {}) do
    if a.name == stmt.subname then
      a.name = stmt.newname
      return
    end
  end
  s:find { level = "incompatible", code = "column_renamed",
           object = ("%s.%s -> %s"):format(state.label(type), stmt.subname,
                                           stmt.newname) }
end

local function column_renamed(s, stmt)
  if stmt.relationType == "OBJECT_TYPE" then
    return attribute_renamed(s, stmt)
  end
  local relation = s:relation(stmt.relation,
                              relation_kinds[stmt.relationType],
                              stmt.missing_ok)
  if not relation then return end
  s:lock(relation, AEX)
  rename_column(s, relation, stmt.subname, stmt.newname)
end

local function constraint_renamed(s, stmt)
  local relation = s:relation(stmt.relation, nil, stmt.missing_ok)
  if not relation then return end
  s:lock(relation, AEX)
  local found = constraint.find(s, relation, stmt.subname)
  if not found then return end
  s:edit(relation, "constraint:" .. found.id)
  found.name = stmt.newname
  s.cat:know_constraint(relation, found.name)
  local one = found.index and index.by_id(relation, found.index)
  if one then
    s:edit(relation, "index:" .. one.id)
    one.name = stmt.newname
    s.cat.index_of[relation.schema .. "\0" .. one.name] = relation.id
  end
end

local function part_renamed(list, part)
  return function(s, stmt)
    local relation = s:relation(stmt.relation, nil, stmt.missing_ok)
    local found = relation and state.by_name(relation[list], stmt.subname)
    if not found then return end
    s:edit(relation, part .. ":" .. found.id)
    found.name = stmt.newname
  end
end

--- What says the name of a type: columns, functions.
local function type_in_columns(s, old_schema, old_name, type)
  local text = types.spell(s, { names = {
    { String = { sval = type.schema } }, { String = { sval = type.name } } } })
  for _, relation in pairs(s.cat.relations) do
    for _, column in ipairs(relation.columns or {}) do
      local id = column.type_id
      if id and id.schema == old_schema and id.name == old_name then
        s:edit(relation, "column:" .. column.attnum)
        local array = column.type and column.type:match("%[%]$") or ""
        column.type = text .. array
        column.type_id = { schema = type.schema, name = type.name }
      end
    end
  end
end

local function type_moved(s, type, schema, name)
  local old_schema, old_name = type.schema, type.name
  moved(s, "types", type, schema, name)
  type_in_columns(s, old_schema, old_name, type)
end

local function type_renamed(s, stmt)
  local schema, name = drop.named(stmt.object)
  local kind = stmt.renameType == "OBJECT_DOMAIN" and "domain" or nil
  local type = s:object("types", schema, name, { kind = kind },
                        stmt.missing_ok)
  if type then type_moved(s, type, type.schema, stmt.newname) end
end

local function find_function(s, object)
  local found, name, args = drop.find_function(s, object.ObjectWithArgs)
  if found and found.assumed and name then
    s.cat:unname("functions", found)
    found.name, found.args, found.kind = name, args, "f"
    s.cat:name("functions", found)
  end
  return found
end

local function function_renamed(s, stmt)
  local found = find_function(s, stmt.object)
  if found then moved(s, "functions", found, found.schema, stmt.newname) end
end

local function schema_renamed(s, stmt)
  local found = s.cat:get("schemas", nil, stmt.subname)
  if not found then
    if not s:may_exist("schemas", "", stmt.subname) then return end
    found = s.cat:assume("schemas", { name = stmt.subname })
  end
  for _, kind in ipairs { "relations", "types", "functions", "operators" } do
    local inside = {}
    for _, object in pairs(s.cat[kind]) do
      if object.schema == stmt.subname then inside[#inside + 1] = object end
    end
    table.sort(inside, function(a, b) return a.id < b.id end)
    for _, object in ipairs(inside) do
      if kind == "types" then
        type_moved(s, object, stmt.newname, object.name)
      else
        moved(s, kind, object, stmt.newname, object.name)
        if kind == "relations" then rename.references(s, object) end
      end
    end
  end
  moved(s, "schemas", found, nil, stmt.newname)
end

local function domain_constraint_renamed(s, stmt)
  local schema, name = drop.named(stmt.object)
  local type = s:object("types", schema, name, { kind = "domain" })
  if not type then return end
  s.cat:edit("types", type.id)
  local found = state.by_name(type.checks, stmt.subname)
  if found then found.name = stmt.newname end
end

local kinds = {
  OBJECT_TABLE = relation_renamed, OBJECT_VIEW = relation_renamed,
  OBJECT_MATVIEW = relation_renamed, OBJECT_SEQUENCE = relation_renamed,
  OBJECT_FOREIGN_TABLE = relation_renamed, OBJECT_INDEX = index_renamed,
  OBJECT_COLUMN = column_renamed, OBJECT_ATTRIBUTE = column_renamed,
  OBJECT_TABCONSTRAINT = constraint_renamed,
  OBJECT_TRIGGER = part_renamed("triggers", "trigger"),
  OBJECT_POLICY = part_renamed("policies", "policy"),
  OBJECT_RULE = part_renamed("rules", "rule"),
  OBJECT_TYPE = type_renamed, OBJECT_DOMAIN = type_renamed,
  OBJECT_DOMCONSTRAINT = domain_constraint_renamed,
  OBJECT_FUNCTION = function_renamed, OBJECT_PROCEDURE = function_renamed,
  OBJECT_ROUTINE = function_renamed, OBJECT_AGGREGATE = function_renamed,
  OBJECT_SCHEMA = schema_renamed,
}

--- A RenameStmt.
function rename.statement(s, stmt)
  local run = kinds[stmt.renameType]
  if run then return run(s, stmt) end
  s:unknown("not_in_catalog", stmt.newname, "this renaming is not judged")
end

local function relation_moved(s, stmt)
  local relation = s:relation(stmt.relation,
                              relation_kinds[stmt.objectType],
                              stmt.missing_ok)
  if not relation then return end
  s:lock(relation, AEX)
  local was = { schema = relation.schema, name = relation.name }
  moved(s, "relations", relation, stmt.newschema, relation.name)
  rename.references(s, relation, was)
  for _, one in ipairs(s.cat:used_by(relation.id)) do
    local owned = one.sequence and one.sequence.owned_by
    if owned and owned.id == relation.id then
      moved(s, "relations", one, stmt.newschema, one.name)
    end
  end
end

--- An AlterObjectSchemaStmt.
function rename.schema(s, stmt)
  local kind = stmt.objectType
  if relation_kinds[kind] then return relation_moved(s, stmt) end
  if kind == "OBJECT_TYPE" or kind == "OBJECT_DOMAIN" then
    local schema, name = drop.named(stmt.object)
    local type = s:object("types", schema, name, {}, stmt.missing_ok)
    if type then type_moved(s, type, stmt.newschema, type.name) end
  elseif kind == "OBJECT_FUNCTION" or kind == "OBJECT_PROCEDURE" or
    kind == "OBJECT_ROUTINE" or kind == "OBJECT_AGGREGATE" then
    local found = find_function(s, stmt.object)
    if found then moved(s, "functions", found, stmt.newschema, found.name) end
  else
    s:unknown("not_in_catalog", stmt.newschema, "this move is not judged")
  end
end

return rename
