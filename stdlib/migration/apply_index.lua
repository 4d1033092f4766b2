-- luacheck: globals host migration
--- Indexes, those of constraints too.

local names = migration.apply_names
local query = migration.apply_query

local index = {}

--- Partitions of the relation, and tables that inherit from it.
function index.children(s, relation)
  local out = {}
  for _, one in ipairs(s.cat:used_by(relation.id)) do
    local of = one.partition_of
    if of and of.id == relation.id then out[#out + 1] = one end
    for _, id in ipairs(one.inherits or {}) do
      if id == relation.id then out[#out + 1] = one end
    end
  end
  return out
end

function index.partitions(s, relation)
  local out = {}
  for _, one in ipairs(index.children(s, relation)) do
    if one.partition_of then out[#out + 1] = one end
  end
  return out
end

--- Put an index on a relation. details: name (or nil), unique, columns, ...
function index.add(s, relation, details)
  local label = details.primary and "pkey" or details.key and "key" or "idx"
  local second = not details.primary and
    names.columns(details.columns, details.include) or nil
  details.key = nil
  details.name = details.name or
    names.relation(s, relation.schema, relation.name, second, label)
  details.id = s.cat:new_id()
  details.method = details.method or "btree"
  if details.valid == nil then details.valid = true end
  s:edit(relation, "index:" .. details.id)
  table.insert(relation.indexes, details)
  s.cat.index_of[relation.schema .. "\0" .. details.name] = relation.id
  for _, child in ipairs(index.partitions(s, relation)) do
    local copy = {}
    for k, v in pairs(details) do copy[k] = v end
    copy.name, copy.constraint = nil, nil
    copy.key = label == "key"
    index.add(s, child, copy)
  end
  return details
end

local function elements(s, list)
  local out = {}
  for i, node in ipairs(list or {}) do
    local e = node.IndexElem
    out[i] = e.name or { expression = e.expr,
                         name = query.name_of(s, e.expr) }
  end
  return out
end
index.elements = elements


function index.create(s, stmt)
  local relation = s:relation(stmt.relation)
  if not relation then return end
  if stmt.concurrent then
    s:lock(relation, "ShareUpdateExclusiveLock", "index")
  else
    s:lock(relation, "ShareLock", "index")
  end
  local there = stmt.idxname and
    (s.cat:index(relation.schema, stmt.idxname) or
     s.cat:get("relations", relation.schema, stmt.idxname))
  if there then
    if not stmt.if_not_exists then
      s:unknown("object_unknown", stmt.idxname,
                "there is one of that name: the statement fails")
    end
    return
  end
  index.touch(s, relation, stmt)
  index.add(s, relation, {
    name = stmt.idxname, unique = stmt.unique or false, primary = false,
    method = stmt.accessMethod, columns = elements(s, stmt.indexParams),
    include = stmt.indexIncludingParams and
      elements(s, stmt.indexIncludingParams) or nil,
    predicate = stmt.whereClause,
    nulls_not_distinct = stmt.nulls_not_distinct,
    valid = not (relation.kind == "partitioned_table" and
                 stmt.relation.inh == false),
  })
end

--- Columns that nobody has described and that the index speaks of.
function index.touch(s, relation, stmt)
  if not relation.assumed then return end
  for _, key in ipairs(elements(s, stmt.indexParams)) do
    if type(key) == "string" then s:column(relation, key) end
  end
  for _, tree in ipairs { stmt.indexParams, stmt.whereClause } do
    query.walk(tree, function(kind, node)
      if kind ~= "ColumnRef" then return end
      local last = node.fields and node.fields[#node.fields]
      if last and last.String then s:column(relation, last.String.sval) end
    end)
  end
end

--- An index by its name: relation, place in its list.
function index.find(s, schema, name)
  if schema then return s.cat:index(schema, name) end
  for _, one in ipairs(s.path) do
    local relation, at = s.cat:index(one, name)
    if relation then return relation, at end
  end
end

function index.remove(s, relation, at)
  local gone = relation.indexes[at]
  s:edit(relation, "index:" .. gone.id)
  table.remove(relation.indexes, at)
  for _, child in ipairs(index.partitions(s, relation)) do
    for i = #child.indexes, 1, -1 do
      local one = child.indexes[i]
      if names.columns(one.columns) == names.columns(gone.columns) and
        one.unique == gone.unique and not one.constraint then
        index.remove(s, child, i)
        break
      end
    end
  end
  return gone
end

--- One name of a DROP INDEX.
function index.drop(s, stmt, schema, name)
  local relation, at = index.find(s, schema, name)
  if not relation then
    if s:may_exist("indexes", schema, name, stmt.missing_ok) then
      s:find { level = "caution", kind = "performance",
               code = "index_removed",
               object = schema and schema .. "." .. name or name }
    end
    return
  end
  s:lock(relation, stmt.concurrent and "ShareUpdateExclusiveLock"
    or "AccessExclusiveLock")
  if relation.indexes[at].constraint and stmt.behavior ~= "DROP_CASCADE" then
    s:unknown("object_unknown", name,
              "a constraint needs the index: the statement fails")
    return
  end
  index.remove(s, relation, at)
end

--- Another name for an index, and for the constraint that it backs.
function index.rename(s, relation, at, name)
  local one = relation.indexes[at]
  s:edit(relation, "index:" .. one.id)
  one.name = name
  s.cat.index_of[relation.schema .. "\0" .. name] = relation.id
  for _, constraint in ipairs(relation.constraints) do
    if constraint.index == one.id then
      s:edit(relation, "constraint:" .. constraint.id)
      constraint.name = name
      s.cat:know_constraint(relation, name)
    end
  end
end

function index.by_id(relation, id)
  for i, one in ipairs(relation.indexes) do
    if one.id == id then return one, i end
  end
end

return index
