-- luacheck: globals host migration
--- CREATE TABLE in all its forms.

local state, types = migration.apply_state, migration.apply_types
local column, constraint = migration.apply_column, migration.apply_constraint
local query, index = migration.apply_query, migration.apply_index

local tables = {}

local function schema_of(s, range)
  if range.relpersistence == "t" then return "pg_temp" end
  return range.schemaname or s:home_schema()
end

--- Whether the name is free. IF NOT EXISTS: the one there stays. Where the
--- catalog is open, one may be there that nobody has described.
local function is_free(s, range, missing_ok)
  local schema = schema_of(s, range)
  if s.cat:get("relations", schema, range.relname) then
    if not missing_ok then
      s:unknown("object_unknown", schema .. "." .. range.relname,
                "there is one of that name: the statement fails")
    end
    return false
  end
  return true
end
tables.is_free = is_free

local like_all = 0x7FFFFFFF
local like = { comments = 1, compression = 2, constraints = 4, defaults = 8,
               generated = 16, identity = 32, indexes = 64 }

local function copy_column(relation, one, options)
  local out = { name = one.name, attnum = state.next_attnum(relation),
                type = one.type, type_id = one.type_id,
                collation = one.collation, not_null = one.not_null }
  local takes = one.generated and like.generated or like.defaults
  if options & takes ~= 0 then
    out.default, out.generated = one.default, one.generated
  end
  if options & like.identity ~= 0 then out.identity = one.identity end
  return out
end

local LIKE = 4 -- its place in `order`

local function copy_like(s, relation, clause, later)
  local from = s:relation(clause.relation)
  if not from then return end
  local options = clause.options or 0
  if from.assumed then relation.assumed = true end
  for _, one in ipairs(from.columns) do
    column.put(s, relation, copy_column(relation, one, options & like_all))
  end
  later[#later + 1] = { order = LIKE, run = function()
    if options & like.constraints ~= 0 then
      for _, c in ipairs(from.constraints) do
        if c.type == "c" then
          constraint.add(s, relation, { contype = "CONSTR_CHECK",
                                        conname = c.name,
                                        raw_expr = c.expression })
        end
      end
    end
    if options & like.indexes ~= 0 then tables.copy_indexes(s, from, relation)
    end
  end }
end

--- The indexes of one relation, and the keys that they back, on another.
function tables.copy_indexes(s, from, relation)
  for _, one in ipairs(from.indexes) do
    local key = state.by_name(from.constraints, one.name)
    if key and (key.type == "p" or key.type == "u") then
      local keys = {}
      for i, name in ipairs(key.columns) do
        keys[i] = { String = { sval = name } }
      end
      constraint.add(s, relation, {
        contype = key.type == "p" and "CONSTR_PRIMARY" or "CONSTR_UNIQUE",
        keys = keys, nulls_not_distinct = key.nulls_not_distinct })
    elseif not key then
      index.add(s, relation, {
        unique = one.unique, primary = false, columns = one.columns,
        method = one.method, predicate = one.predicate,
        include = one.include,
        nulls_not_distinct = one.nulls_not_distinct })
    end
  end
end

--- Columns and constraints of parents; what a definition repeats is merged.
local function inherit(s, relation, parent)
  for _, one in ipairs(parent.columns) do
    local own = state.by_name(relation.columns, one.name)
    if own then
      own.not_null = own.not_null or one.not_null
    else
      local copy = copy_column(relation, one, like_all)
      copy.identity = nil
      column.put(s, relation, copy)
    end
  end
  if parent.assumed then relation.assumed = true end
end

local function inherit_constraints(s, relation, parent)
  for _, c in ipairs(parent.constraints) do
    if c.type == "c" and not c.no_inherit then
      constraint.add(s, relation, { contype = "CONSTR_CHECK",
                                    conname = c.name,
                                    raw_expr = c.expression }, nil, true)
    elseif c.type == "f" and relation.partition_of then
      local one = migration.catalog.copy(c)
      one.id = s.cat:new_id()
      table.insert(relation.constraints, one)
    end
  end
  if relation.partition_of then tables.copy_indexes(s, parent, relation) end
end

local function key_text(spec)
  local parts = {}
  for i, node in ipairs(spec.partParams or {}) do
    parts[i] = node.PartitionElem.name or "(expression)"
  end
  return ("%s (%s)"):format((spec.strategy or "?"):upper(),
                            table.concat(parts, ", "))
end

local function parents_of(s, stmt)
  local out = {}
  for _, node in ipairs(stmt.inhRelations or {}) do
    out[#out + 1] = s:relation(node.RangeVar)
  end
  return out
end

--- A new partition of an older table: what it demands of rows beyond what
--- its parent does holds for older code's rows, which reach it through there.
function tables.watch(s, relation, parent)
  if s:is_old("relations", parent) and not s:is_old("relations", relation)
  then
    s.watched[#s.watched + 1] = relation.id
  end
end

local function demands(one, parent)
  for _, c in ipairs(one.constraints) do
    if c.type ~= "f" and not state.by_name(parent.constraints, c.name) and
      not (c.type == "p" or c.type == "u") then
      return true
    end
  end
  local keys = 0
  for _, i in ipairs(one.indexes) do keys = keys + (i.unique and 1 or 0) end
  for _, i in ipairs(parent.indexes) do
    keys = keys - (i.unique and 1 or 0)
  end
  return keys > 0
end

--- At the end of a unit: what such partitions have come to demand.
function tables.review(s)
  for _, id in ipairs(s.watched) do
    local one = s.cat.relations[id]
    local parent = one and one.partition_of and
      s.cat.relations[one.partition_of.id]
    if parent and demands(one, parent) then
      s:unknown("partition_constraint_added", state.label(one),
                "what the new table demands of rows now holds for older "
                  .. "code's rows in it")
    end
  end
end

local function set_parents(s, stmt, relation, parents)
  if stmt.partbound and parents[1] then
    relation.partition_of = { id = parents[1].id, bound = stmt.partbound }
    s:lock(parents[1], "AccessExclusiveLock")
    tables.watch(s, relation, parents[1])
  elseif #parents > 0 then
    relation.inherits = {}
    for i, parent in ipairs(parents) do
      relation.inherits[i] = parent.id
      s:lock(parent, "ShareUpdateExclusiveLock")
    end
  end
  s.cat:connect(relation)
end

-- The order in which CREATE TABLE makes its constraints, however it is
-- written: it decides their names (transformCreateStmt, parse_utilcmd.c).
local order = { CONSTR_CHECK = 1, CONSTR_PRIMARY = 2, CONSTR_UNIQUE = 3,
                CONSTR_EXCLUSION = 3, CONSTR_FOREIGN = 5 }

local function key_of(c, name)
  local list = name and { name } or types.texts(c.keys)
  return table.concat(list, "\0") .. "\1"
    .. table.concat(types.texts(c.including), "\0") .. "\1"
    .. tostring(c.nulls_not_distinct) .. tostring(c.deferrable)
    .. tostring(c.initdeferred)
end

--- A key that is written twice is one; the first name given is its own.
local function merge_keys(later)
  local seen, out = {}, {}
  for _, one in ipairs(later) do
    local key = (one.order == 2 or one.c and one.c.contype == "CONSTR_UNIQUE")
      and key_of(one.c, one.name)
    local first = key and seen[key]
    if first and not first.c.conname and one.c.conname then
      local named = {} -- trees are not changed in place
      for k, v in pairs(first.c) do named[k] = v end
      named.conname = one.c.conname
      first.c = named
    end
    if key then seen[key] = first or one end
    if not first then out[#out + 1] = one end
  end
  return out
end

local function run_in_order(s, relation, later)
  for i, one in ipairs(later) do one.at = i end
  table.sort(later, function(a, b)
    if a.order ~= b.order then return a.order < b.order end
    return a.at < b.at
  end)
  for _, one in ipairs(merge_keys(later)) do
    if one.run then
      one.run()
    else
      constraint.add(s, relation, one.c, one.name)
    end
  end
end

local function add_elements(s, relation, stmt)
  local later = {}
  local function add(c, name)
    later[#later + 1] = { order = order[c.contype] or 1, c = c, name = name }
  end
  for _, node in ipairs(stmt.tableElts or {}) do
    if node.ColumnDef then
      local there = state.by_name(relation.columns, node.ColumnDef.colname)
      local one, rest = column.define(s, relation, node.ColumnDef)
      if there then
        there.not_null = there.not_null or one.not_null
        there.default = one.default or there.default
      else
        column.put(s, relation, one)
      end
      for _, c in ipairs(rest) do
        add(c, one.name)
      end
    elseif node.TableLikeClause then
      copy_like(s, relation, node.TableLikeClause, later)
    elseif node.Constraint then
      add(node.Constraint)
    end
  end
  run_in_order(s, relation, later)
end

--- CREATE TABLE .. OF type
local function columns_of_type(s, relation, type)
  local schema, name = types.qualified(type.names)
  local composite = s:lookup("types", schema, name)
  if not composite then
    return s:unknown("object_unknown", name or "?",
                     "the type of the table is not known here")
  end
  for _, a in ipairs(composite.attributes or {}) do
    column.put(s, relation, { name = a.name, type = a.type,
                              type_id = a.type_id, not_null = false,
                              attnum = state.next_attnum(relation) })
  end
end

local function new_relation(s, stmt, kind)
  local range = stmt.relation
  return s:add_relation {
    schema = schema_of(s, range), name = range.relname, columns = {},
    kind = kind or (stmt.partspec and "partitioned_table" or "table"),
    persistence = range.relpersistence or "p", row_security = false,
    force_row_security = false, replica_identity = "d",
    partition_key = stmt.partspec and key_text(stmt.partspec) or nil,
  }
end

--- The one there may be older than everything that was read: then nothing
--- happens now, and what the statement says is a guess.
local function perhaps(s, stmt, relation)
  if stmt.if_not_exists and not s.closed then
    relation.maybe = s.unit
    s.cat.before.relations[relation.id] = nil
    relation.assumed = true
  end
end

function tables.create(s, stmt, kind)
  if not is_free(s, stmt.relation, stmt.if_not_exists) then return end
  local parents = parents_of(s, stmt)
  local relation = new_relation(s, stmt, kind)
  for _, parent in ipairs(parents) do inherit(s, relation, parent) end
  set_parents(s, stmt, relation, parents)
  if stmt.ofTypename then columns_of_type(s, relation, stmt.ofTypename) end
  add_elements(s, relation, stmt)
  for _, parent in ipairs(parents) do
    inherit_constraints(s, relation, parent)
  end
  perhaps(s, stmt, relation)
end

--- CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW.
function tables.create_as(s, into, node, kind, missing_ok)
  if not is_free(s, into.rel, missing_ok) then return end
  local found = query.columns(s, node)
  local relation = s:add_relation {
    schema = schema_of(s, into.rel), name = into.rel.relname, kind = kind,
    persistence = into.rel.relpersistence or "p", columns = {},
    replica_identity = "d", row_security = false, force_row_security = false,
    assumed = not found or nil,
  }
  local given = types.texts(into.colNames)
  for i, one in ipairs(found or {}) do
    relation.columns[i] = { attnum = i, name = given[i] or one.name,
                            type = one.type, type_id = one.type_id,
                            not_null = false }
  end
  if kind == "matview" then
    relation.definition, relation.populated = node, not into.skipData
    relation.depends, relation.stars = query.depends(s, node)
    s.cat:connect(relation)
  end
  for _, source in ipairs(query.sources(s, node)) do
    s:lock(source.relation, "AccessShareLock")
  end
  if not query.only_reads(s, node) then
    s:unknown("data_changed", state.label(relation),
              "a function that the query calls, or a WITH, may change "
                .. "anything")
  end
  return relation
end

return tables
