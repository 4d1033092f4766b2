-- luacheck: globals host migration
--- Constraints of tables: what a Constraint node makes, and what goes with
--- one that is dropped.

local state, names = migration.apply_state, migration.apply_names
local query, types = migration.apply_query, migration.apply_types
local index = migration.apply_index

local constraint = {}

local function columns_of(tree, relation)
  local seen, out = {}, {}
  query.walk(tree, function(kind, node)
    if kind ~= "ColumnRef" then return end
    local last = node.fields and node.fields[#node.fields]
    local name = last and last.String and last.String.sval
    if name then seen[name] = true end
  end)
  for _, column in ipairs(relation.columns) do
    if seen[column.name] then
      out[#out + 1] = column.name
      seen[column.name] = nil
    end
  end
  local rest = {}
  for name in pairs(seen) do rest[#rest + 1] = name end
  table.sort(rest)
  return table.move(rest, 1, #rest, #out + 1, out)
end

local function put(s, relation, one)
  one.id = s.cat:new_id()
  one.validated = one.validated ~= false
  one["local"] = true
  s:edit(relation, "constraint:" .. one.id)
  table.insert(relation.constraints, one)
  s.cat:know_constraint(relation, one.name)
  return one
end

local function taken(s, relation, c, missing_ok)
  local there = c.conname and state.by_name(relation.constraints, c.conname)
  if there and not there.assumed and not missing_ok then
    s:unknown("object_unknown", state.label(relation) .. " " .. c.conname,
              "there is a constraint of that name: the statement fails")
  end
  return there
end

local function know_columns(s, relation, list)
  for _, name in ipairs(list) do s:column(relation, name) end
end

local function check(s, relation, c)
  local columns = columns_of(c.raw_expr, relation)
  if relation.assumed then know_columns(s, relation, columns) end
  local name = c.conname or
    names.constraint(s, relation, #columns == 1 and columns[1] or nil, "check")
  s:lock(relation, "AccessExclusiveLock",
         not c.skip_validation and "scan" or nil)
  return put(s, relation, {
    name = name, type = "c", columns = columns, expression = c.raw_expr,
    validated = not c.skip_validation, no_inherit = c.is_no_inherit or nil,
  })
end

--- Children refuse it as well.
local function refuse_null(s, relation, columns)
  for _, name in ipairs(columns) do
    local column = s:column(relation, name)
    if column and not column.not_null then
      s:edit(relation, "column:" .. column.attnum)
      column.not_null = true
    end
  end
  for _, child in ipairs(index.children(s, relation)) do
    refuse_null(s, child, columns)
  end
end

--- ADD CONSTRAINT .. USING INDEX: the index takes the constraint's name.
local function adopt(s, relation, c)
  local at = select(2, state.by_name(relation.indexes, c.indexname))
  if not at and relation.assumed then
    s:assume_part(relation, "indexes",
                  { id = s.cat:new_id(), name = c.indexname, unique = true,
                    primary = false, valid = true, method = "btree",
                    columns = {} })
    at = select(2, state.by_name(relation.indexes, c.indexname))
  end
  if not at then
    s:unknown("object_unknown", c.indexname,
              "there is no such index: the statement fails")
    return nil
  end
  local one = relation.indexes[at]
  if c.conname and c.conname ~= one.name then
    index.rename(s, relation, at, c.conname)
  end
  return one
end

local function key(s, relation, c, columns)
  local primary = c.contype == "CONSTR_PRIMARY"
  local one
  if c.indexname then
    one = adopt(s, relation, c)
    if not one then return end
    s:edit(relation, "index:" .. one.id)
    one.primary = primary
    columns = one.columns
    if primary and one.assumed then
      s:find { level = "incompatible", code = "not_null_added",
               object = state.label(relation) }
    end
  else
    one = index.add(s, relation, {
      name = c.conname, unique = true, primary = primary,
      key = not primary or nil, columns = columns,
      include = c.including and types.texts(c.including) or nil,
      nulls_not_distinct = c.nulls_not_distinct })
  end
  s:lock(relation, "AccessExclusiveLock", not c.indexname and "index" or nil)
  if primary then refuse_null(s, relation, columns) end
  local added = put(s, relation, {
    name = one.name, type = primary and "p" or "u",
    columns = table.move(columns, 1, #columns, 1, {}), index = one.id,
    deferrable = c.deferrable, deferred = c.initdeferred,
    nulls_not_distinct = c.nulls_not_distinct })
  one.constraint = added.id
  return added
end

local function exclusion(s, relation, c)
  local keys, operators = {}, {}
  for i, node in ipairs(c.exclusions or {}) do
    local pair = node.List and node.List.items or {}
    local element = pair[1] and pair[1].IndexElem or {}
    local list = pair[2] and pair[2].List and pair[2].List.items
    keys[i] = element.name or { expression = element.expr }
    operators[i] = table.concat(types.texts(list), ".")
  end
  local name = c.conname or
    names.relation(s, relation.schema, relation.name, names.columns(keys),
                   "excl")
  s:lock(relation, "AccessExclusiveLock", "index")
  local one = index.add(s, relation, {
    name = name, unique = false, primary = false, columns = keys,
    method = c.access_method, predicate = c.where_clause })
  local plain = {}
  for _, k in ipairs(keys) do
    if type(k) == "string" then plain[#plain + 1] = k end
  end
  local added = put(s, relation, { name = name, type = "x", columns = plain,
                                   index = one.id,
                                   definition = {
                                     operators = operators, keys = keys,
                                     method = c.access_method,
                                     predicate = c.where_clause } })
  one.constraint = added.id
  return added
end

--- The columns that a foreign key without a list refers to.
local function primary_key(relation)
  for _, one in ipairs(relation.constraints) do
    if one.type == "p" then return one.columns end
  end
end

local function foreign(s, relation, c, columns)
  local parent = s:relation(c.pktable)
  if not parent then return end
  s:lock(relation, "ShareRowExclusiveLock",
         not c.skip_validation and "scan" or nil)
  s:lock(parent, "ShareRowExclusiveLock")
  know_columns(s, relation, columns)
  local target = c.pk_attrs and types.texts(c.pk_attrs) or primary_key(parent)
  local name = c.conname or
    names.constraint(s, relation, table.concat(columns, "_"), "fkey")
  local added = put(s, relation, {
    name = name, type = "f", columns = columns,
    validated = not c.skip_validation,
    deferrable = c.deferrable, deferred = c.initdeferred,
    references = { id = parent.id, schema = parent.schema,
                   name = parent.name, columns = target,
                   on_delete = c.fk_del_action or "a",
                   on_update = c.fk_upd_action or "a",
                   match = c.fk_matchtype or "s" } })
  s.cat:connect(relation)
  return added
end

local kinds = {
  CONSTR_CHECK = check, CONSTR_PRIMARY = key, CONSTR_UNIQUE = key,
  CONSTR_FOREIGN = foreign, CONSTR_EXCLUSION = exclusion,
}

--- What CHECK, UNIQUE, keys and foreign keys of a partitioned table or a
--- parent mean to its children.
local function inherit(s, relation, c, column)
  local kind = c.contype
  if c.is_no_inherit or kind == "CONSTR_EXCLUSION" then return end
  local children = kind == "CONSTR_CHECK" and index.children(s, relation)
    or kind == "CONSTR_FOREIGN" and index.partitions(s, relation) or {}
  for _, child in ipairs(children) do
    if not (c.conname and state.by_name(child.constraints, c.conname)) then
      constraint.add(s, child, c, column)
    end
  end
end

--- Whether the node is a constraint of its own (and not an attribute).
function constraint.is_one(c)
  return kinds[c.contype] ~= nil
end

--- Put a Constraint node on a relation. column: it was written behind the
--- definition of this one.
function constraint.add(s, relation, c, column, missing_ok)
  if taken(s, relation, c, missing_ok) then
    if not relation.assumed then return end
  end
  local list = c.contype == "CONSTR_FOREIGN" and c.fk_attrs or c.keys
  local columns = column and { column } or types.texts(list)
  local make = kinds[c.contype]
  if not make then
    return s:unknown("not_judged", state.label(relation),
                     "a constraint of a kind that is not judged")
  end
  local added = make(s, relation, c, columns)
  if added then inherit(s, relation, c, column) end
  return added
end

--- Foreign keys of others that hang on a key which goes away.
local function drop_references(s, relation, gone)
  for _, other in ipairs(s.cat:used_by(relation.id, true)) do
    for i = #other.constraints, 1, -1 do
      local r = other.constraints[i].references
      if r and r.id == relation.id and
        table.concat(r.columns or {}, ",") ==
        table.concat(gone.columns or {}, ",") then
        constraint.remove(s, other, i)
      end
    end
  end
end

--- Take the constraint at that place away, with its index.
function constraint.remove(s, relation, at, cascade)
  local gone = relation.constraints[at]
  s:edit(relation, "constraint:" .. gone.id)
  table.remove(relation.constraints, at)
  if gone.index then
    local place = select(2, index.by_id(relation, gone.index))
    if place then
      s:edit(relation, "index:" .. gone.index)
      table.remove(relation.indexes, place)
    end
    if cascade then drop_references(s, relation, gone) end
  end
  if gone.references then
    local parent = s.cat.relations[gone.references.id]
    if parent then s:lock(parent, "AccessExclusiveLock") end
  end
  for _, child in ipairs(index.children(s, relation)) do
    local _, i = state.by_name(child.constraints, gone.name)
    if i and gone.type == "c" then constraint.remove(s, child, i) end
  end
  return gone
end

--- A constraint by name: it and its place, or nil where there is none, which
--- is said. Nobody knows what the constraints of an assumed relation are.
function constraint.find(s, relation, name, missing_ok)
  local found, at = state.by_name(relation.constraints, name)
  if found then return found, at end
  if relation.assumed and not s:has_lost(relation, "constraints", name) then
    local guess = s:assume_part(relation, "constraints",
                                { id = s.cat:new_id(), name = name,
                                  columns = {} })
    return guess, select(2, state.by_name(relation.constraints, name))
  end
  if not missing_ok then
    s:unknown("object_unknown", state.label(relation) .. " " .. name,
              "there is no such constraint: the statement fails")
  end
end

constraint.columns_of = columns_of
return constraint
