-- luacheck: globals host migration
--- ALTER TABLE, one function a subcommand (AT_*, PostgreSQL's parsenodes.h),
--- on relations that are older than the release.

local tree = migration.tree
local constraint = migration.constraint

local alter = {}

local function column_on(ctx, name)
  return ("column\0%s\0%s"):format(ctx.key, name)
end

local function find(ctx, level, code, column, text)
  ctx.world:find {
    level = level, code = code, table = ctx.key, text = text,
    object = column and ctx.name .. "." .. column or ctx.name,
    -- what has gone stays gone, whatever takes its name later
    on = column and code ~= "column_removed" and column_on(ctx, column),
  }
end

local serials = { serial = true, serial2 = true, serial4 = true,
                  serial8 = true, bigserial = true, smallserial = true }

local function is_null_constant(node)
  return node and node.A_Const and node.A_Const.isnull or false
end

--- What a column definition says about rows that do not name the column.
local function describe(ctx, def)
  local name, schema = tree.type_name(def.typeName)
  local column = { status = "born", type = name,
                   sequence = serials[name] and not schema or nil }
  column.required = column.sequence
  for _, node in ipairs(def.constraints or {}) do
    local c = node.Constraint
    if c.contype == "CONSTR_NOTNULL" or c.contype == "CONSTR_PRIMARY" then
      column.required = true
    elseif c.contype == "CONSTR_DEFAULT" then
      column.default = not is_null_constant(c.raw_expr) and c.raw_expr or nil
    elseif c.contype == "CONSTR_GENERATED" then
      column.generated = c.raw_expr
    elseif c.contype == "CONSTR_IDENTITY" then
      column.sequence, column.required = true, true
    end
  end
  local domain = ctx.world.things[ctx.world:list_key("type",
    { List = { items = def.typeName and def.typeName.names } })]
  if domain and domain.domain then
    column.required = column.required or domain.required
    column.default = column.default or domain.default
    column.checks = domain.checks
  end
  column.filled = column.sequence or column.generated ~= nil
  return column
end

--- An older insert leaves the column out: does it still succeed?
local function check_required(ctx, name, column)
  if not column.required or column.sequence then return end
  if column.generated then
    find(ctx, "unknown", "required_column_added", name,
         "whether the generated value is ever NULL cannot be read here")
  elseif not column.default then
    find(ctx, "incompatible", "required_column_added", name,
         "older code does not fill the column, and it has no default")
  end
end

--- The checks of a domain that the release made itself; one that is older
--- lets NULL pass, or the rows that were there would have refused it.
local function check_domain(ctx, name, column)
  local value = column.default and tree.value(column.default, {})
    or not column.default and { null = true } or nil
  for _, check in ipairs(column.checks or {}) do
    if not tree.never_false(check, { value = value }) then
      find(ctx, "unknown", "domain_check_added", name,
           "whether rows without the column pass the domain's check cannot "
             .. "be read here")
    end
  end
end

local constraining = { CONSTR_UNIQUE = true, CONSTR_PRIMARY = true,
                       CONSTR_CHECK = true, CONSTR_FOREIGN = true }

local function add_column(ctx, cmd)
  local def = cmd.def.ColumnDef
  local name, world = def.colname, ctx.world
  local column = describe(ctx, def)
  if cmd.missing_ok then column.status = "maybe" end
  world.columns[ctx.key] = world.columns[ctx.key] or {}
  world.columns[ctx.key][name] = column
  check_required(ctx, name, column)
  check_domain(ctx, name, column)
  if column.type == "json" then
    find(ctx, "unknown", "json_column_added", name,
         "SELECT DISTINCT * and GROUP BY all columns fail on json")
  end
  if column.generated and tree.can_raise(column.generated) then
    find(ctx, "unknown", "generated_column_added", name,
         "an expression that can fail refuses the row that it fails on")
  end
  for _, node in ipairs(def.constraints or {}) do
    if constraining[node.Constraint.contype] then
      constraint.add(ctx, node.Constraint, name)
    end
  end
end

local function drop_column(ctx, cmd)
  local name, world = cmd.name, ctx.world
  local column = world:column(ctx.key, name)
  if column and column.status == "born" then
    world:forget(column_on(ctx, name))
    world.columns[ctx.key][name] = nil
  elseif column then
    find(ctx, "unknown", "column_removed", name,
         "ADD COLUMN IF NOT EXISTS: the column may be older")
  else
    find(ctx, "incompatible", "column_removed", name,
         cmd.behavior == "DROP_CASCADE"
           and "older code may use it, and what hangs on it goes as well"
           or "older code may use it")
  end
end

local function set_not_null(ctx, cmd)
  local column = ctx.world:column(ctx.key, cmd.name)
  if not column then
    return find(ctx, "incompatible", "not_null_added", cmd.name,
                "older code may write NULL")
  end
  column.required = true
  check_required(ctx, cmd.name, column)
  if column.status == "maybe" and column.default then
    find(ctx, "unknown", "not_null_added", cmd.name,
         "ADD COLUMN IF NOT EXISTS: the column may be older")
  end
end

local function drop_not_null(ctx, cmd)
  local column = ctx.world:column(ctx.key, cmd.name)
  if column then
    column.required = false
    ctx.world:forget(column_on(ctx, cmd.name), "required_column_added")
  else
    find(ctx, "caution", "not_null_dropped", cmd.name,
         "older code may meet a NULL that only the newer code writes")
  end
end

local function column_default(ctx, cmd)
  local column = ctx.world:column(ctx.key, cmd.name)
  local value = not is_null_constant(cmd.def) and cmd.def or nil
  if column then
    column.default = value
    ctx.world:forget(column_on(ctx, cmd.name), "required_column_added")
    if value and column.constrained then
      find(ctx, "unknown", "default_changed", cmd.name,
           "whether the default meets the constraints that the release put "
             .. "on the column cannot be read here")
    end
    return check_required(ctx, cmd.name, column)
  end
  if value then
    return find(ctx, "caution", "default_changed", cmd.name,
                "older code's inserts get another value")
  end
  find(ctx, "unknown", "default_dropped", cmd.name,
       "older code's inserts get NULL, or fail where the column is NOT NULL")
end

-- Types of which a wider one serves older code as well: which of the two it
-- is cannot be told without the type the column had.
local families = { text = true, varchar = true, bpchar = true,
                   numeric = true, timestamp = true, timestamptz = true,
                   time = true, timetz = true, interval = true, bit = true,
                   varbit = true }
local with_limit = { timestamp = true, timestamptz = true, time = true,
                     timetz = true, interval = true }

local function alter_type(ctx, cmd)
  if ctx.world:column(ctx.key, cmd.name) then return end
  local def = cmd.def.ColumnDef
  local name = tree.type_name(def.typeName)
  local typmods = def.typeName and def.typeName.typmods
  if families[name] and (typmods or not with_limit[name]) and
    not (def.raw_default and name ~= "text" and name ~= "varchar") then
    find(ctx, "unknown", "column_type_changed", cmd.name,
         "whether " .. name .. " is wider than the type it had cannot be "
           .. "read here")
  else
    find(ctx, "incompatible", "column_type_changed", cmd.name,
         "older code reads and writes another type than " .. name)
  end
end

local function set_identity(ctx, cmd)
  for _, node in ipairs(cmd.def.List and cmd.def.List.items or {}) do
    local e = node.DefElem
    if e.defname ~= "generated" then
      find(ctx, "unknown", "identity_changed", cmd.name,
           "the next values may be ones that are taken")
    elseif e.arg.Integer.ival == string.byte("a") then
      find(ctx, "incompatible", "identity_became_always", cmd.name,
           "older code may give the value itself")
    end
  end
end

local function add_identity(ctx, cmd)
  if cmd.def.Constraint.generated_when == "a" then
    find(ctx, "incompatible", "identity_became_always", cmd.name,
         "older code may give the value itself")
  else
    find(ctx, "caution", "default_changed", cmd.name,
         "older code's inserts get a value from a sequence")
  end
end

local function attach(ctx, cmd)
  local child = cmd.def.PartitionCmd.name
  local key, world = ctx.world:relation_key(child), ctx.world
  if not world:is_born(key) then
    world:find {
      level = "incompatible", code = "partition_constraint_added",
      object = world.relation_text(child), table = key,
      text = "the table refuses rows outside the partition's bounds",
    }
  elseif not ctx.born then
    world:find {
      level = "unknown", code = "partition_constraint_added",
      object = world.relation_text(child), table = key,
      text = "what the new table demands of rows now holds for older code",
    }
    world:bear(key, true) -- older code writes to it through its parent
  end
end

local function detach(ctx, cmd)
  local child = cmd.def.PartitionCmd.name
  local key = ctx.world:relation_key(child)
  if not ctx.world:is_born(key) then
    find(ctx, "incompatible", "partition_detached", nil,
         "older code no longer sees the rows of "
           .. ctx.world.relation_text(child))
  end
end

--- Nothing that older code could notice, but in time or space.
local function nothing() end

local function say(level, code, text)
  return function(ctx, cmd)
    if cmd.name and ctx.world:column(ctx.key, cmd.name) then return end
    find(ctx, level, code, cmd.name, text)
  end
end

local trigger = say("unknown", "trigger_enabled_changed",
                    "what the trigger kept in order, or refused, is not "
                      .. "known here")

local function relation_options(ctx)
  if ctx.objtype == "OBJECT_VIEW" then
    find(ctx, "unknown", "view_definition_changed", nil,
         "an option of the view can hide rows or refuse writes")
  end
end

local subcommands = {
  AT_AddColumn = add_column,
  AT_DropColumn = drop_column,
  AT_SetNotNull = set_not_null,
  AT_DropNotNull = drop_not_null,
  AT_ColumnDefault = column_default,
  AT_AlterColumnType = alter_type,
  AT_AddConstraint = function(ctx, cmd)
    constraint.add(ctx, cmd.def.Constraint)
  end,
  AT_DropConstraint = function(ctx, cmd)
    constraint.drop(ctx, cmd.name, cmd.missing_ok)
  end,
  AT_ValidateConstraint = nothing,
  AT_SetIdentity = set_identity,
  AT_AddIdentity = add_identity,
  AT_DropIdentity = say("incompatible", "default_dropped_on_not_null",
                        "older code leaves the value to the database"),
  AT_DropExpression = say("unknown", "column_no_longer_generated",
                          "older code does not fill the column"),
  AT_AttachPartition = attach,
  AT_DetachPartition = detach,
  AT_DetachPartitionFinalize = detach,
  AT_EnableRowSecurity = say("incompatible", "row_security_enabled",
                             "older code may no longer see or write rows"),
  AT_ForceRowSecurity = say("incompatible", "row_security_forced",
                            "older code may no longer see or write rows"),
  AT_NoForceRowSecurity = nothing,
  AT_ChangeOwner = say("unknown", "owner_changed",
                       "older code may have had its rights as the owner"),
  AT_EnableTrig = trigger, AT_EnableAlwaysTrig = trigger,
  AT_EnableReplicaTrig = trigger, AT_DisableTrig = trigger,
  AT_EnableTrigAll = trigger, AT_DisableTrigAll = trigger,
  AT_EnableTrigUser = trigger, AT_DisableTrigUser = trigger,
  AT_SetRelOptions = relation_options,
  AT_ResetRelOptions = relation_options,
  AT_ReplicaIdentity = function(ctx, cmd)
    if cmd.def.ReplicaIdentityStmt.identity_type == "n" then
      find(ctx, "unknown", "replica_identity_changed", nil,
           "a published table without an identity refuses updates")
    end
  end,
  AT_SetStatistics = nothing, AT_SetOptions = nothing,
  AT_ResetOptions = nothing, AT_SetStorage = nothing,
  AT_SetCompression = nothing, AT_ClusterOn = nothing,
  AT_DropCluster = nothing, AT_SetLogged = nothing,
  AT_SetUnLogged = nothing, AT_SetTableSpace = nothing,
  AT_SetAccessMethod = nothing,
}

local function context(world, range, objtype)
  local key = world:relation_key(range)
  return { world = world, key = key, name = world.relation_text(range),
           rel = range.relname, range = range, objtype = objtype,
           born = world:is_born(key) }
end
alter.context = context

-- On a table of the release itself only what reaches out of it counts.
local function alter_born(ctx, cmd)
  if cmd.subtype == "AT_AttachPartition" then return attach(ctx, cmd) end
  local nodes = {}
  if cmd.subtype == "AT_AddConstraint" then
    nodes[1] = cmd.def
  elseif cmd.subtype == "AT_AddColumn" then
    nodes = cmd.def.ColumnDef.constraints or {}
  elseif cmd.subtype == "AT_AddInherit" then
    find(ctx, "unknown", "inheritance_changed", nil,
         "older code sees its rows in the parent")
  end
  for _, node in ipairs(nodes) do
    if node.Constraint.contype == "CONSTR_FOREIGN" then
      constraint.caution_parent(ctx.world, node.Constraint, ctx.name, ctx.key)
    end
  end
end

--- A composite type's attributes are columns to those who unpack it.
local function alter_composite(ctx, cmd)
  if cmd.subtype == "AT_AddColumn" then
    find(ctx, "incompatible", "composite_attribute_added",
         cmd.def.ColumnDef.colname, "older code builds rows without it")
  elseif cmd.subtype == "AT_DropColumn" then
    find(ctx, "incompatible", "column_removed", cmd.name,
         "older code may use it")
  else
    find(ctx, "incompatible", "column_type_changed", cmd.name,
         "older code may use another type")
  end
end

local function is_born(ctx)
  if ctx.objtype ~= "OBJECT_TYPE" then return ctx.born end
  return ctx.world:is_born(ctx.world:key("type", ctx.range.schemaname,
                                         ctx.rel))
end

-- PostgreSQL drops before it adds, however the statement is written
-- (ATController's passes, tablecmds.c).
local function in_passes(cmds)
  local drops, rest = {}, {}
  for _, node in ipairs(cmds or {}) do
    local cmd = node.AlterTableCmd
    local is_drop = cmd.subtype == "AT_DropColumn" or
      cmd.subtype == "AT_DropConstraint"
    table.insert(is_drop and drops or rest, cmd)
  end
  return table.move(rest, 1, #rest, #drops + 1, drops)
end

--- An AlterTableStmt.
function alter.table(world, stmt)
  local ctx = context(world, stmt.relation, stmt.objtype)
  for _, cmd in ipairs(in_passes(stmt.cmds)) do
    local run = subcommands[cmd.subtype]
    if is_born(ctx) then
      alter_born(ctx, cmd)
    elseif stmt.objtype == "OBJECT_TYPE" then
      alter_composite(ctx, cmd)
    elseif run then
      run(ctx, cmd)
    else
      find(ctx, "unknown", "not_judged", nil,
           cmd.subtype:gsub("^AT_", "") .. " is not judged")
    end
  end
end

return alter
