-- luacheck: globals host migration
--- What goes away, and what goes with it.

local state, types = migration.apply_state, migration.apply_types
local constraint, index = migration.apply_constraint, migration.apply_index
local query = migration.apply_query

local drop = {}

--- Whether the default takes its numbers from the sequence.
local function numbers_by(s, default, sequence)
  if type(default) == "string" then
    return default:find(sequence.name, 1, true) ~= nil and
      default:find("nextval", 1, true) ~= nil
  end
  for _, call in ipairs(query.scan(default).calls) do
    if query.sequence_of(s, call) == sequence then return true end
  end
  return false
end

--- CASCADE takes the defaults that take their numbers from it. Of a catalog
--- that was read, nobody has noted which they are.
local function drop_defaults(s, sequence)
  local users = s.cat.loaded and s.cat.relations
    or s.cat:used_by(sequence.id)
  for _, relation in pairs(users) do
    for _, column in ipairs(relation.columns or {}) do
      if column.default and numbers_by(s, column.default, sequence) then
        s:edit(relation, "column:" .. column.attnum)
        column.default = nil
      end
    end
  end
end

--- Sequences that belong to the column, or to any when there is none.
function drop.owned_sequences(s, relation, column, cascade)
  for _, one in ipairs(s.cat:used_by(relation.id)) do
    local owned = one.sequence and one.sequence.owned_by
    if owned and owned.id == relation.id and
      (not column or owned.column == column.attnum) then
      if cascade then drop_defaults(s, one) end
      s:remove("relations", one)
    end
  end
end

--- The sequence of an identity column follows the column's type; that of a
--- serial column does not.
function drop.own_type(s, relation, column, text)
  if not column.identity or not text then return end
  for _, one in ipairs(s.cat:used_by(relation.id)) do
    local owned = one.sequence and one.sequence.owned_by
    if owned and owned.id == relation.id and owned.column == column.attnum then
      migration.apply_view.retype(s:edit(one).sequence, text)
    end
  end
end

local function depends_on(view, relation, column)
  for _, d in ipairs(view.depends or {}) do
    if d.id == relation.id and
      (not column or d.column == column.attnum) then
      return true
    end
  end
  return false
end

--- Views that read the relation, or the column.
local function drop_views(s, relation, column)
  for _, one in ipairs(s.cat:used_by(relation.id)) do
    if s.cat.relations[one.id] and depends_on(one, relation, column) then
      drop.relation(s, one, true)
    end
  end
end

local function drop_foreign_keys(s, relation)
  for _, other in ipairs(s.cat:used_by(relation.id)) do
    for i = #other.constraints, 1, -1 do
      local r = other.constraints[i].references
      if r and r.id == relation.id then
        s:lock(other, "AccessExclusiveLock")
        constraint.remove(s, other, i)
      end
    end
  end
end

--- A relation and what belongs to it.
function drop.relation(s, relation, cascade)
  s:lock(relation, "AccessExclusiveLock")
  for _, c in ipairs(relation.constraints or {}) do
    local parent = c.references and s.cat.relations[c.references.id]
    if parent then s:lock(parent, "AccessExclusiveLock") end
  end
  local parent = relation.partition_of and
    s.cat.relations[relation.partition_of.id]
  if parent then s:lock(parent, "AccessExclusiveLock") end
  for _, child in ipairs(index.children(s, relation)) do
    if child.partition_of or cascade then drop.relation(s, child, true) end
  end
  if cascade then
    drop_views(s, relation)
    drop_foreign_keys(s, relation)
  end
  drop.owned_sequences(s, relation, nil, cascade)
  if relation.kind == "sequence" and cascade then
    drop_defaults(s, relation)
  end
  s:remove("relations", relation)
end

local function holds(list, name)
  for _, one in ipairs(list or {}) do
    if one == name then return true end
  end
  return false
end

local function drop_constraints(s, relation, name, cascade)
  for i = #relation.constraints, 1, -1 do
    local c = relation.constraints[i]
    if c and holds(c.columns, name) then
      constraint.remove(s, relation, i, cascade)
    end
  end
end

local function reads(one, name)
  if holds(one.columns, name) or holds(one.include, name) then return true end
  local trees, found = { one.predicate }, false
  for _, key in ipairs(one.columns) do
    if type(key) == "table" then trees[#trees + 1] = key.expression end
  end
  for _, tree in ipairs(trees) do
    if type(tree) == "string" then
      found = found or tree:find(name, 1, true) ~= nil
    else
      local set = migration.expression.columns(tree)
      found = found or set[name] == true
    end
  end
  return found
end

--- Triggers on the column, and policies that read it.
local function drop_watchers(s, relation, name)
  for i = #relation.triggers, 1, -1 do
    local one = relation.triggers[i]
    if holds(one.columns, name) then
      s:edit(relation, "trigger:" .. one.id)
      table.remove(relation.triggers, i)
    end
  end
  for i = #relation.policies, 1, -1 do
    local one, found = relation.policies[i], {}
    migration.expression.columns(one.using, found)
    migration.expression.columns(one.check, found)
    if found[name] then
      s:edit(relation, "policy:" .. one.id)
      table.remove(relation.policies, i)
    end
  end
end

--- A column, with the constraints, indexes and sequences that use it.
function drop.column(s, relation, column, cascade)
  drop_constraints(s, relation, column.name, cascade)
  for i = #relation.indexes, 1, -1 do
    local one = relation.indexes[i]
    if one and reads(one, column.name) then index.remove(s, relation, i) end
  end
  drop.owned_sequences(s, relation, column, cascade)
  if cascade then
    drop_views(s, relation, column)
    drop.references(s, relation, column)
    drop.generated(s, relation, column)
    drop_watchers(s, relation, column.name)
  end
  s:edit(relation, "column:" .. column.attnum)
  state.keep_attnums(relation)
  for i = #relation.columns, 1, -1 do
    if relation.columns[i] == column then table.remove(relation.columns, i) end
  end
end

--- Foreign keys of others to the column.
function drop.references(s, relation, column)
  for _, other in ipairs(s.cat:used_by(relation.id, true)) do
    for i = #other.constraints, 1, -1 do
      local r = other.constraints[i].references
      if r and r.id == relation.id and holds(r.columns, column.name) then
        constraint.remove(s, other, i)
      end
    end
  end
end

--- Columns that are computed from the column.
function drop.generated(s, relation, column)
  for i = #relation.columns, 1, -1 do
    local one = relation.columns[i]
    if one ~= column and one.generated and one.default and
      migration.expression.columns(one.default)[column.name] then
      s:edit(relation, "column:" .. one.attnum)
      table.remove(relation.columns, i)
    end
  end
end

--- DROP TYPE .. CASCADE: columns of the type go as well. All relations have
--- to be looked at.
local function drop_columns_of(s, type)
  local lost = {}
  for _, relation in pairs(s.cat.relations) do
    for _, column in ipairs(relation.columns or {}) do
      local id = column.type_id
      if id and id.schema == type.schema and id.name == type.name then
        lost[#lost + 1] = { relation, column }
      end
    end
  end
  for _, pair in ipairs(lost) do
    if s.cat.relations[pair[1].id] then
      drop.column(s, pair[1], pair[2], true)
    end
  end
end

local relation_kinds = {
  OBJECT_TABLE = "table", OBJECT_VIEW = "view", OBJECT_MATVIEW = "matview",
  OBJECT_SEQUENCE = "sequence", OBJECT_FOREIGN_TABLE = "foreign_table",
}

--- schema, name of an object of a DropStmt.
local function named(object)
  local list = object.List and object.List.items
    or object.TypeName and object.TypeName.names
    or object.String and { object } or {}
  return types.qualified(list)
end
drop.named = named

local function drop_relation(s, stmt, object)
  local schema, name = named(object)
  local relation = s:relation({ schemaname = schema, relname = name },
                              relation_kinds[stmt.removeType],
                              stmt.missing_ok)
  if relation then
    drop.relation(s, relation, stmt.behavior == "DROP_CASCADE")
  end
end

local function drop_type(s, stmt, object)
  local schema, name = named(object)
  local kind = stmt.removeType == "OBJECT_DOMAIN" and "domain" or nil
  local found = s:object("types", schema, name, { kind = kind },
                         stmt.missing_ok)
  if not found then return end
  if stmt.behavior == "DROP_CASCADE" then
    if not s.closed then
      s:unknown("not_judged", state.label(found),
                "CASCADE also takes what was made to hang on it")
    end
    drop_columns_of(s, found)
  end
  s:remove("types", found)
end

--- The function that an ObjectWithArgs means: among those of its name.
function drop.find_function(s, object, missing_ok)
  local schema, name = types.qualified(object.objname)
  local args = {}
  for i, node in ipairs(object.objargs or {}) do
    args[i] = types.bare(s, node.TypeName)
  end
  local wanted, candidates = table.concat(args, ", "), {}
  for _, one in ipairs(schema and { schema } or s.path) do
    for _, f in ipairs(s.cat:all("functions", one, name)) do
      candidates[#candidates + 1] = f
    end
  end
  for _, f in ipairs(candidates) do
    if object.args_unspecified or
      table.concat(f.args or {}, ", ") == wanted then
      return f
    end
  end
  return s:object("functions", schema, name .. "\0" .. wanted, {},
                  missing_ok), name, args
end

local function drop_triggers_of(s, f)
  for _, relation in pairs(s.cat.relations) do
    for i = #(relation.triggers or {}), 1, -1 do
      local t = relation.triggers[i]
      if t["function"] and t["function"].name == f.name and
        t["function"].schema == f.schema then
        s:edit(relation, "trigger:" .. t.id)
        table.remove(relation.triggers, i)
      end
    end
  end
end

local function drop_function(s, stmt, object)
  local found, name, args = drop.find_function(s, object.ObjectWithArgs,
                                               stmt.missing_ok)
  if not found then return end
  if found.assumed and name then
    s.cat:unname("functions", found)
    found.name, found.args, found.kind = name, args, "f"
    s.cat:name("functions", found)
  end
  if stmt.behavior == "DROP_CASCADE" then drop_triggers_of(s, found) end
  s:remove("functions", found)
end

--- A trigger, policy or rule: the last name is its own, those before are its
--- table's.
local function drop_part(list, part, mode)
  return function(s, stmt, object)
    local parts = types.texts(object.List and object.List.items)
    local own = table.remove(parts)
    local relation = s:relation({ relname = parts[#parts],
                                  schemaname = parts[#parts - 1] }, nil,
                                stmt.missing_ok)
    if not relation then return end
    s:lock(relation, mode)
    local found, at = state.by_name(relation[list], own)
    if not found and relation.assumed and not s:has_lost(relation, list, own)
    then
      found = s:assume_part(relation, list, { id = s.cat:new_id(),
                                              name = own })
      at = select(2, state.by_name(relation[list], own))
      if list == "policies" and relation.row_security == nil then
        s:find { level = "incompatible", code = "policy_removed",
                 object = ("%s on %s"):format(own, state.label(relation)) }
      end
    end
    if found then
      s:edit(relation, part .. ":" .. found.id)
      table.remove(relation[list], at)
    elseif not stmt.missing_ok then
      s:unknown("object_unknown", ("%s on %s"):format(
        own, state.label(relation)), "there is none: the statement fails")
    end
  end
end

local function in_schema(s, kind, schema)
  local out = {}
  for _, object in pairs(s.cat[kind]) do
    if object.schema == schema then out[#out + 1] = object end
  end
  table.sort(out, function(a, b) return a.id < b.id end)
  return out
end

local function drop_schema(s, stmt, object)
  local name = object.String and object.String.sval or "?"
  local found = s.cat:get("schemas", nil, name)
  if not found then
    if not s:may_exist("schemas", "", name, stmt.missing_ok) then return end
    found = s.cat:assume("schemas", { name = name })
  end
  if stmt.behavior == "DROP_CASCADE" then
    if found and found.assumed then
      s:unknown("not_judged", name, "what is in the schema goes as well")
    end
    for _, kind in ipairs { "relations", "functions", "types" } do
      for _, one in ipairs(in_schema(s, kind, name)) do
        if s.cat[kind][one.id] then
          if kind == "relations" then
            drop.relation(s, one, true)
          else
            s:remove(kind, one)
          end
        end
      end
    end
    for _, one in ipairs(in_schema(s, "extensions", name)) do
      s:remove("extensions", one)
    end
  end
  if found then s:remove("schemas", found) end
end

local function drop_extension(s, stmt, object)
  local name = object.String and object.String.sval or "?"
  local found = s.cat:get("extensions", nil, name)
  if not found then
    if not s:may_exist("extensions", "", name, stmt.missing_ok) then
      return
    end
    found = s.cat:assume("extensions", { name = name })
  end
  if stmt.behavior == "DROP_CASCADE" then
    s:unknown("not_judged", name,
              "CASCADE also takes what was made with the extension")
  end
  s:remove("extensions", found)
end

local function drop_index(s, stmt, object)
  index.drop(s, stmt, named(object))
end

local function drop_cast(s, _, object)
  local pair = object.List and object.List.items or {}
  local source = pair[1] and types.bare(s, pair[1].TypeName) or "?"
  local target = pair[2] and types.bare(s, pair[2].TypeName) or "?"
  local name = source .. " -> " .. target
  local found = s.cat:get("casts", nil, name) or
    s.cat:assume("casts", { name = name, source = source, target = target })
  s:remove("casts", found)
end

local function drop_operator(s, _, object)
  local o = object.ObjectWithArgs
  local schema, name = types.qualified(o.objname)
  local found = s:object("operators", schema, name, {})
  if found then s:remove("operators", found) end
end

local function nothing() end

local kinds = {
  OBJECT_TABLE = drop_relation, OBJECT_VIEW = drop_relation,
  OBJECT_MATVIEW = drop_relation, OBJECT_SEQUENCE = drop_relation,
  OBJECT_FOREIGN_TABLE = drop_relation, OBJECT_INDEX = drop_index,
  OBJECT_TYPE = drop_type, OBJECT_DOMAIN = drop_type,
  OBJECT_FUNCTION = drop_function, OBJECT_PROCEDURE = drop_function,
  OBJECT_ROUTINE = drop_function, OBJECT_AGGREGATE = drop_function,
  OBJECT_SCHEMA = drop_schema, OBJECT_EXTENSION = drop_extension,
  OBJECT_CAST = drop_cast, OBJECT_OPERATOR = drop_operator,
  OBJECT_TRIGGER = drop_part("triggers", "trigger", "AccessExclusiveLock"),
  OBJECT_POLICY = drop_part("policies", "policy", "AccessExclusiveLock"),
  OBJECT_RULE = drop_part("rules", "rule", "AccessExclusiveLock"),
  OBJECT_STATISTIC_EXT = nothing,
}

--- A DropStmt.
function drop.statement(s, stmt)
  local run = kinds[stmt.removeType]
  for _, object in ipairs(stmt.objects or {}) do
    if run then
      run(s, stmt, object)
    else
      s:unknown("not_in_catalog", (stmt.removeType:gsub("^OBJECT_", "DROP ")),
                "what hangs on it is not judged")
    end
  end
end

--- Another owner; older code may have had its rights as the owner.
function drop.change_owner(s, kind, object, role)
  role = role or s.owner
  if object.owner == role then return end
  if object.owner == nil then
    s:find { level = "caution", kind = "behaviour", code = "owner_changed",
             object = state.label(object), detail = "? -> " .. role }
  end
  local edited = s.cat:edit(kind, object.id)
  local rights = edited.acl and edited.owner and edited.acl[edited.owner]
  if rights then -- the former owner's rights are the new one's
    edited.acl[edited.owner], edited.acl[role] = nil, rights
  end
  edited.owner = role
  if kind ~= "relations" then return end
  for _, one in ipairs(s.cat:used_by(object.id)) do
    local owned = one.sequence and one.sequence.owned_by
    if owned and owned.id == object.id then
      s.cat:edit("relations", one.id).owner = role
    end
  end
end

return drop
