-- luacheck: globals host migration
--- Rights and owners. An acl is {role -> list of rights}, or nil for the
--- owner's default (documentation, "Privileges").

local state, types = migration.apply_state, migration.apply_types
local catalog = migration.catalog
local drop, functions = migration.apply_drop, migration.apply_function

local grant = {}

local all = {
  table = { "DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER",
            "TRUNCATE", "UPDATE" },
  sequence = { "SELECT", "UPDATE", "USAGE" }, ["function"] = { "EXECUTE" },
  type = { "USAGE" }, schema = { "CREATE", "USAGE" },
}
local of_columns = { "INSERT", "REFERENCES", "SELECT", "UPDATE" }
local everyone = { ["function"] = { "EXECUTE" }, type = { "USAGE" } }

local function copy(list)
  return table.move(list or {}, 1, #(list or {}), 1, {})
end

--- What nil stands for.
local function default_acl(object, class)
  local acl = { [object.owner or "?"] = copy(all[class]) }
  if everyone[class] then acl.PUBLIC = copy(everyone[class]) end
  return acl
end

local function wanted(stmt, class)
  if not stmt.privileges then return all[class] end
  local out = {}
  for i, node in ipairs(stmt.privileges) do
    out[i] = (node.AccessPriv.priv_name or "all"):upper()
  end
  return out
end

local function has_columns(stmt)
  for _, node in ipairs(stmt.privileges or {}) do
    if node.AccessPriv.cols then return true end
  end
  return false
end

local function give(acl, role, rights)
  local set = {}
  for _, right in ipairs(acl[role] or {}) do set[right] = true end
  for _, right in ipairs(rights) do set[right] = true end
  acl[role] = {}
  for right in pairs(set) do table.insert(acl[role], right) end
  table.sort(acl[role])
end

local function take(acl, role, rights)
  local set, kept = {}, {}
  for _, right in ipairs(rights) do set[right] = true end
  for _, right in ipairs(acl[role] or {}) do
    if not set[right] then kept[#kept + 1] = right end
  end
  acl[role] = #kept > 0 and kept or nil
end

--- A right is taken that nobody has described: it may have been there.
local function lost(s, object, role, rights)
  s:find { level = "incompatible", code = "privilege_lost",
           object = state.label(object),
           detail = role .. ":" .. table.concat(rights, ",") }
end

local function change(s, kind, object, class, stmt)
  local rights = wanted(stmt, class)
  s.cat:edit(kind, object.id)
  local acl = object.acl or default_acl(object, class)
  object.acl = acl
  for _, role in ipairs(functions.roles(stmt.grantees)) do
    if stmt.is_grant then
      give(acl, role, rights)
    else
      if object.assumed and not acl[role] then lost(s, object, role, rights)
      end
      take(acl, role, rights)
    end
  end
end

--- One right on some columns.
local function on_columns(s, relation, stmt, right, names)
  for _, name in ipairs(types.texts(names)) do
    local column = s:column(relation, name)
    if column then
      s:edit(relation, "column:" .. column.attnum)
      local acl = catalog.copy(column.acl or {})
      column.acl = acl
      for _, role in ipairs(functions.roles(stmt.grantees)) do
        if stmt.is_grant then
          give(acl, role, { right })
        else
          take(acl, role, { right })
        end
      end
      if next(acl) == nil then column.acl = nil end
    end
  end
end

local function column_rights(s, relation, stmt)
  if relation.assumed and not stmt.is_grant then
    return s:unknown("privilege_lost", state.label(relation),
                     "which rights on columns there were is not known")
  end
  for _, node in ipairs(stmt.privileges) do
    local right = node.AccessPriv.priv_name
    for _, one in ipairs(right and { right:upper() } or of_columns) do
      on_columns(s, relation, stmt, one, node.AccessPriv.cols)
    end
  end
end

--- REVOKE on a table takes the rights on its columns, too.
local function revoke_columns(s, relation, stmt)
  local rights = wanted(stmt, "table")
  for _, column in ipairs(relation.columns or {}) do
    if column.acl then
      s:edit(relation, "column:" .. column.attnum)
      column.acl = catalog.copy(column.acl)
      for _, role in ipairs(functions.roles(stmt.grantees)) do
        take(column.acl, role, rights)
      end
    end
  end
end

local function on_relation(s, relation, stmt)
  local class = relation.kind == "sequence" and "sequence" or "table"
  if has_columns(stmt) then return column_rights(s, relation, stmt) end
  change(s, "relations", relation, class, stmt)
  if not stmt.is_grant then revoke_columns(s, relation, stmt) end
end

local targets = {}

function targets.OBJECT_TABLE(s, stmt, object)
  local relation = s:relation(object.RangeVar)
  if relation then on_relation(s, relation, stmt) end
end
targets.OBJECT_SEQUENCE = targets.OBJECT_TABLE
targets.OBJECT_FOREIGN_TABLE = targets.OBJECT_TABLE

function targets.OBJECT_SCHEMA(s, stmt, object)
  local name = object.String.sval
  local found = s.cat:get("schemas", nil, name)
  if not found then
    found = s.cat:assume("schemas", { name = name })
  end
  change(s, "schemas", found, "schema", stmt)
end

function targets.OBJECT_FUNCTION(s, stmt, object)
  local found = drop.find_function(s, object.ObjectWithArgs)
  if found then change(s, "functions", found, "function", stmt) end
end
targets.OBJECT_PROCEDURE = targets.OBJECT_FUNCTION
targets.OBJECT_ROUTINE = targets.OBJECT_FUNCTION

function targets.OBJECT_TYPE(s, stmt, object)
  local schema, name = drop.named(object)
  local found = s:object("types", schema, name, {})
  if found then change(s, "types", found, "type", stmt) end
end
targets.OBJECT_DOMAIN = targets.OBJECT_TYPE

--- GRANT .. ON ALL TABLES IN SCHEMA ..
local function all_in_schema(s, stmt)
  for _, node in ipairs(stmt.objects or {}) do
    local schema = node.String and node.String.sval
    local kind = stmt.objtype == "OBJECT_FUNCTION" and "functions"
      or "relations"
    if not s.closed and not stmt.is_grant then
      s:unknown("privilege_lost", schema or "?",
                "which objects the schema holds is not known")
    end
    for _, object in pairs(s.cat[kind]) do
      local is_sequence = object.kind == "sequence"
      if object.schema == schema and (kind == "functions" or
         is_sequence == (stmt.objtype == "OBJECT_SEQUENCE")) then
        change(s, kind, object, kind == "functions" and "function"
          or is_sequence and "sequence" or "table", stmt)
      end
    end
  end
end

function grant.statement(s, stmt)
  if stmt.targtype == "ACL_TARGET_ALL_IN_SCHEMA" then
    return all_in_schema(s, stmt)
  end
  local run = targets[stmt.objtype]
  for _, object in ipairs(stmt.objects or {}) do
    if run then
      run(s, stmt, object)
    elseif not stmt.is_grant then
      local what = stmt.objtype:gsub("^OBJECT_", ""):lower()
      s:find { level = "incompatible", code = "privilege_lost",
               object = what }
      s:unknown("not_in_catalog", what,
                "no catalog that is compared holds these rights")
    end
  end
end

function grant.role(s, stmt)
  if stmt.is_grant then return end
  s:unknown("not_in_catalog", "role",
            "no catalog that is compared holds who is in which role")
  s:find { level = "incompatible", code = "privilege_lost", object = "role",
           text = "older code may have used the role's rights" }
end

function grant.default(s, stmt)
  local schema, own = {}, true
  for _, node in ipairs(stmt.options or {}) do
    local option = node.DefElem
    local list = option.arg and option.arg.List and option.arg.List.items
    if option.defname == "schemas" then schema = types.texts(list) end
    if option.defname == "roles" then own = false end
  end
  if not stmt.action then return end
  if #schema == 0 then schema = { "*" } end
  for _, name in ipairs(schema) do
    table.insert(s.later_rights, { schema = name, stmt = stmt.action,
                                   own = own })
  end
end

local kind_of = { OBJECT_TABLE = "relations", OBJECT_SEQUENCE = "relations",
                  OBJECT_FUNCTION = "functions", OBJECT_TYPE = "types" }

--- What ALTER DEFAULT PRIVILEGES has said of objects that are made later.
--- Rights that other roles' objects get are not this role's.
function grant.at_birth(s, kind, object)
  local class = kind == "functions" and "function" or kind == "types"
    and "type" or object.kind == "sequence" and "sequence" or "table"
  for _, one in ipairs(s.later_rights) do
    local objtype = one.stmt.objtype
    local fits = kind_of[objtype] == kind and (kind ~= "relations" or
      (objtype == "OBJECT_SEQUENCE") == (class == "sequence"))
    if fits and one.own and
      (one.schema == "*" or one.schema == object.schema) then
      change(s, kind, object, class, one.stmt)
    end
  end
end

local owner_kinds = { OBJECT_SCHEMA = "schemas", OBJECT_TYPE = "types",
                      OBJECT_DOMAIN = "types", OBJECT_FUNCTION = "functions",
                      OBJECT_PROCEDURE = "functions",
                      OBJECT_AGGREGATE = "functions" }

local function owned(s, stmt, kind)
  if stmt.relation then return s:relation(stmt.relation), "relations" end
  if kind == "functions" then
    return drop.find_function(s, stmt.object.ObjectWithArgs), kind
  end
  local schema, name = drop.named(stmt.object)
  if kind == "schemas" then
    return s.cat:get("schemas", nil, name) or
      s.cat:assume("schemas", { name = name }), kind
  end
  return s:object(kind, schema, name, {}), kind
end

function grant.owner(s, stmt)
  local kind = owner_kinds[stmt.objectType]
  if not kind and not stmt.relation then
    return s:unknown("owner_changed",
                     (stmt.objectType:gsub("^OBJECT_", ""):lower()))
  end
  local object, list = owned(s, stmt, kind)
  if object then drop.change_owner(s, list, object, stmt.newowner.rolename) end
end

return grant
