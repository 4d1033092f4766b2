-- luacheck: globals host migration
--- ALTER TABLE, the subcommands that change columns (AT_*, PostgreSQL's
--- parsenodes.h).

local state, types = migration.apply_state, migration.apply_types
local column, constraint = migration.apply_column, migration.apply_constraint
local index, drop = migration.apply_index, migration.apply_drop

local columns = {}

-- A default that nobody has described.
local OPAQUE = { FuncCall = { funcname = { { String = { sval = "?" } } } } }

local NULL = { A_Const = { isnull = true } }

local function touch(s, relation, one)
  s:edit(relation, "column:" .. one.attnum)
  return one
end

local function add_constraints(s, relation, list, name)
  for _, c in ipairs(list) do constraint.add(s, relation, c, name) end
end

local function work_of(s, one, rest)
  if column.rewrites(s, one) then return "rewrite" end
  for _, c in ipairs(rest) do
    if c.contype == "CONSTR_UNIQUE" or c.contype == "CONSTR_PRIMARY" then
      return "index"
    elseif c.contype == "CONSTR_CHECK" then
      return "scan"
    end
  end
  return one.not_null and not one.default and "scan" or "none"
end

--- Older code's rows get the default, or NULL, which the checks of the new
--- column's domain may refuse.
local function check_domain(s, relation, one)
  local domain = one.type_id and
    s:lookup("types", one.type_id.schema, one.type_id.name)
  local truth = migration.expression
  local value = one.default or domain and domain.default or NULL
  for _, check in ipairs(domain and domain.checks or {}) do
    local env = { value = truth.value(truth.of(value), {}) }
    if not truth.never_false(check.expression, env) then
      s:unknown("domain_check_added",
                state.label(relation) .. "." .. one.name,
                "whether rows without the column pass the domain's check "
                  .. "cannot be read here")
    end
  end
end

local function add_column(s, relation, cmd, inherited)
  local def = cmd.def.ColumnDef
  local there = state.by_name(relation.columns, def.colname)
  if there then
    if inherited then
      touch(s, relation, there)
    elseif not cmd.missing_ok then
      s:unknown("object_unknown", state.label(relation) .. "." .. def.colname,
                "there is a column of that name: the statement fails")
    end
    return
  end
  local one, rest = column.define(s, relation, def)
  s:lock(relation, "AccessExclusiveLock", work_of(s, one, rest))
  if relation.assumed and cmd.missing_ok then one.maybe = s.unit end
  if one.generated and migration.expression.can_raise(one.default) then
    s:find { level = "caution", kind = "behaviour",
             code = "generated_column_added",
             object = state.label(relation) .. "." .. one.name,
             text = "an expression that can fail refuses the row that it "
               .. "fails on" }
  end
  check_domain(s, relation, one)
  column.put(s, relation, one)
  for _, child in ipairs(index.children(s, relation)) do
    add_column(s, child, cmd, true)
  end
  -- what children have of the constraints they get from their parent's
  if not inherited then add_constraints(s, relation, rest, one.name) end
end

--- A column that may be older (ADD COLUMN IF NOT EXISTS): what happens to it
--- now cannot be compared.
local function doubt(s, relation, one)
  if one.maybe ~= s.unit then return end
  s:unknown("object_unknown", state.label(relation) .. "." .. one.name,
            "ADD COLUMN IF NOT EXISTS: the column may be older")
end

local function drop_inherited(s, relation, name)
  for _, child in ipairs(index.children(s, relation)) do
    local own = state.by_name(child.columns, name)
    if own then
      drop.column(s, child, own, true)
      drop_inherited(s, child, name)
    end
  end
end

local function drop_column(s, relation, cmd)
  local one = s:column(relation, cmd.name, cmd.missing_ok)
  if not one then return end
  doubt(s, relation, one)
  s:lock(relation, "AccessExclusiveLock")
  drop.column(s, relation, one, cmd.behavior == "DROP_CASCADE")
  drop_inherited(s, relation, cmd.name)
end

local function each_relation(s, relation, recurse, visit)
  visit(relation)
  if not recurse then return end
  for _, child in ipairs(index.children(s, relation)) do
    each_relation(s, child, true, visit)
  end
end

--- Change one column of the relation and of its children.
local function change(s, relation, cmd, ctx, visit)
  each_relation(s, relation, ctx.recurse, function(one)
    local found = s:column(one, cmd.name)
    if found then
      doubt(s, one, found)
      visit(one, touch(s, one, found))
    end
  end)
end

--- Whether a CHECK that holds for every row refuses NULL already: then there
--- is nothing to look through.
local function is_proved(relation, name)
  for _, c in ipairs(relation.constraints) do
    local test = c.type == "c" and c.validated and type(c.expression) == "table"
      and c.expression.NullTest
    if test and test.nulltesttype == "IS_NOT_NULL" and test.arg.ColumnRef and
      test.arg.ColumnRef.fields[1].String and
      test.arg.ColumnRef.fields[1].String.sval == name then
      return true
    end
  end
  return false
end

local function set_not_null(s, relation, cmd, ctx)
  change(s, relation, cmd, ctx, function(one, found)
    s:lock(one, "AccessExclusiveLock",
           not found.not_null and not is_proved(one, cmd.name) and "scan"
             or nil)
    found.not_null = true
  end)
end

local function drop_not_null(s, relation, cmd, ctx)
  change(s, relation, cmd, ctx, function(one, found)
    s:lock(one, "AccessExclusiveLock")
    s:assume_field(one, "columns", found, "not_null", true)
    found.not_null = false
  end)
end

local function column_default(s, relation, cmd, ctx)
  change(s, relation, cmd, ctx, function(one, found)
    local value = (found.type_id or not column.is_null(cmd.def)) and cmd.def
      or nil
    s:lock(one, "AccessExclusiveLock")
    if value and found.assumed and found.default == nil then
      s:unknown("default_refused", state.label(one) .. "." .. found.name,
                "if older INSERTs stored NULL, a key, a foreign key or a "
                  .. "check may refuse the value")
    end
    s:assume_field(one, "columns", found, "default", OPAQUE)
    found.default = value
    column.connect(s, one, value)
  end)
end

-- Families in which a change of the type leaves the rows as they are
-- (documentation of ALTER TABLE, "Notes"; release notes of 9.2 and 12).
local function limit(type)
  return tonumber(type:match("%((%d+)"))
end

local function base(type)
  return (type:gsub("%s*%b()", ""))
end

local function scale(type)
  return tonumber(type:match("%(%d+,(%d+)%)") or 0)
end

local function keeps_rows(old, new)
  local a, b = base(old), base(new)
  local text = { text = true, ["character varying"] = true }
  if text[a] and text[b] then
    return not limit(new) or (limit(old) ~= nil and limit(new) >= limit(old))
  end
  if a == "cidr" and b == "inet" then return true end
  if a ~= b or a == "character" or a == "bit" then return old == new end
  if not limit(new) then return true end
  return limit(old) ~= nil and limit(new) >= limit(old) and
    scale(old) == scale(new)
end

--- timestamp to timestamptz and back, where the session's zone is UTC.
local function same_in_utc(s, old, new)
  return s.zone == "UTC" and base(old):find("^timestamp") ~= nil and
    base(new):find("^timestamp") ~= nil
end

local function rewrites(s, old, new, def)
  if not old or not new then return true end
  if def.raw_default and not def.raw_default.TypeCast then return true end
  return not (keeps_rows(old, new) or same_in_utc(s, old, new))
end

--- Whether USING only names the column, or casts it to the new type.
local function only_converts(s, tree, name, text)
  local cast = tree.TypeCast
  if cast and types.spell(s, cast.typeName) == text then tree = cast.arg end
  local fields = tree.ColumnRef and tree.ColumnRef.fields or {}
  local last = fields[#fields] and fields[#fields].String
  return last ~= nil and last.sval == name
end

local function alter_type(s, relation, cmd, ctx)
  local def = cmd.def.ColumnDef
  local text, id = types.spell(s, def.typeName)
  local list = def.collClause and def.collClause.collname
  local anew = def.raw_default and
    not only_converts(s, def.raw_default, cmd.name, text)
  change(s, relation, cmd, ctx, function(one, found)
    if anew then migration.apply_data.rewritten(s, one, found) end
    s:lock(one, "AccessExclusiveLock",
           rewrites(s, found.type, text, def) and "rewrite" or nil)
    found.type, found.type_id = text, id
    found.collation = list and select(2, types.qualified(list)) or nil
    drop.own_type(s, one, found, text)
  end)
end

--- Identity: GENERATED ALWAYS or BY DEFAULT, given by its first letter.
local function option(cmd, name)
  local list = cmd.def and cmd.def.List and cmd.def.List.items or {}
  for _, node in ipairs(list) do
    if node.DefElem and node.DefElem.defname == name then
      return node.DefElem
    end
  end
end

local function set_identity(s, relation, cmd)
  local found = s:column(relation, cmd.name)
  local given = option(cmd, "generated")
  if not found then return end
  s:lock(relation, "AccessExclusiveLock")
  touch(s, relation, found)
  if given then
    found.identity = utf8.char(given.arg.Integer.ival or 100)
  end
  if not given or #cmd.def.List.items > 1 then
    s:find { level = "caution", kind = "behaviour", code = "sequence_changed",
             object = state.label(relation) .. "." .. cmd.name,
             text = option(cmd, "restart") and "RESTART: the next numbers "
               .. "are others than older code expects" or nil }
  end
end

local function add_identity(s, relation, cmd)
  local found = s:column(relation, cmd.name)
  if not found then return end
  s:lock(relation, "AccessExclusiveLock")
  touch(s, relation, found)
  found.identity = cmd.def.Constraint.generated_when
  column.own_sequence(s, relation, found, found.type or "bigint")
end

local function drop_identity(s, relation, cmd)
  local found = s:column(relation, cmd.name)
  if not found then return end
  s:lock(relation, "AccessExclusiveLock")
  s:assume_field(relation, "columns", found, "identity", "d")
  s:assume_field(relation, "columns", found, "not_null", true)
  touch(s, relation, found)
  found.identity = nil
  drop.owned_sequences(s, relation, found)
end

local function drop_expression(s, relation, cmd, ctx)
  change(s, relation, cmd, ctx, function(one, found)
    s:lock(one, "AccessExclusiveLock")
    found.generated, found.default = nil, nil
  end)
end

columns.subcommands = {
  AT_AddColumn = function(s, relation, cmd) add_column(s, relation, cmd) end,
  AT_DropColumn = drop_column,
  AT_SetNotNull = set_not_null, AT_DropNotNull = drop_not_null,
  AT_ColumnDefault = column_default, AT_AlterColumnType = alter_type,
  AT_SetIdentity = set_identity, AT_AddIdentity = add_identity,
  AT_DropIdentity = drop_identity, AT_DropExpression = drop_expression,
}

return columns
