-- luacheck: globals host migration
--- ALTER TABLE, one function a subcommand (AT_*, PostgreSQL's parsenodes.h);
--- those of columns are in apply_alter_column.lua.

local state, constraint = migration.apply_state, migration.apply_constraint
local drop, tables = migration.apply_drop, migration.apply_table
local columns = migration.apply_alter_column

local alter = {}

local function add_constraint(s, relation, cmd)
  constraint.add(s, relation, cmd.def.Constraint)
end

local function drop_constraint(s, relation, cmd)
  local found, at = constraint.find(s, relation, cmd.name, cmd.missing_ok)
  if not found then return end
  s:lock(relation, "AccessExclusiveLock")
  if found.assumed and not found.type then
    s:find { level = "caution", kind = "data", code = "constraint_removed",
             object = state.label(relation) .. " " .. found.name,
             text = "older code may name it in ON CONFLICT, or rely on what "
               .. "it refused" }
  end
  constraint.remove(s, relation, at, cmd.behavior == "DROP_CASCADE")
end

local function validate(s, relation, cmd)
  local found = constraint.find(s, relation, cmd.name)
  if not found then return end
  s:lock(relation, "ShareUpdateExclusiveLock",
         not found.validated and "scan" or nil)
  local parent = found.references and
    s.cat.relations[found.references.id]
  if parent then s:lock(parent, "RowShareLock") end
  s:edit(relation, "constraint:" .. found.id)
  found.validated = true
end

local function alter_constraint(s, relation, cmd)
  local c = cmd.def.Constraint
  local found = constraint.find(s, relation, c.conname)
  if not found then return end
  s:lock(relation, "ShareRowExclusiveLock")
  s:edit(relation, "constraint:" .. found.id)
  found.deferrable, found.deferred = c.deferrable, c.initdeferred
end

local function attach(s, relation, cmd)
  local part = cmd.def.PartitionCmd
  local child = s:relation(part.name)
  if not child then return end
  s:lock(relation, "ShareUpdateExclusiveLock")
  s:lock(child, "AccessExclusiveLock", "scan")
  s:edit(child)
  child.partition_of = { id = relation.id, bound = part.bound }
  s.cat:connect(child)
  tables.watch(s, child, relation)
end

local function detach(s, relation, cmd)
  local part = cmd.def.PartitionCmd
  local child = s:relation(part.name)
  if not child then return end
  local mode = part.concurrent and "ShareUpdateExclusiveLock"
    or "AccessExclusiveLock"
  s:lock(relation, mode)
  s:lock(child, mode)
  s:edit(child)
  if child.assumed and not child.partition_of then
    local before = s.cat.before.relations[child.id]
    if before then before.partition_of = { id = relation.id } end
  end
  local was = child.partition_of
  child.partition_of = nil
  if part.concurrent then alter.leave_check(s, child, was) end
end

--- DETACH CONCURRENTLY leaves a CHECK of the partition's bounds behind.
function alter.leave_check(s, child, was)
  s:edit(child)
  table.insert(child.constraints, {
    id = s.cat:new_id(), type = "c", validated = true, columns = {},
    name = migration.apply_names.constraint(s, child, nil, "check"),
    expression = was and was.constraint or
      { FuncCall = { funcname = { { String = { sval = "partition" } } } } } })
end

local function inherit(s, relation, cmd, gone)
  local parent = s:relation(cmd.def.RangeVar)
  if not parent then return end
  s:lock(relation, "AccessExclusiveLock")
  s:lock(parent, "ShareUpdateExclusiveLock")
  s:edit(relation)
  local list = {}
  for _, id in ipairs(relation.inherits or {}) do
    if id ~= parent.id then list[#list + 1] = id end
  end
  if not gone then
    list[#list + 1] = parent.id
    s:unknown("not_judged", state.label(parent),
              "older code sees the rows of another table in it")
  end
  relation.inherits = list
  s.cat:connect(relation)
end

--- A plain field of the relation.
local function set(field, value, mode)
  return function(s, relation)
    s:lock(relation, mode or "AccessExclusiveLock")
    if relation.assumed and relation[field] == nil then
      local before = s.cat.before.relations[relation.id]
      s:edit(relation)
      before = before or s.cat.before.relations[relation.id]
      if before then before[field] = not value end
    end
    s:edit(relation)[field] = value
  end
end

local function owner(s, relation, cmd)
  local role = cmd.newowner
  s:lock(relation, "AccessExclusiveLock")
  drop.change_owner(s, "relations", relation, role and role.rolename)
end

local trigger_states = {
  AT_EnableTrig = "O", AT_EnableTrigAll = "O", AT_EnableTrigUser = "O",
  AT_EnableAlwaysTrig = "A", AT_EnableReplicaTrig = "R", AT_DisableTrig = "D",
  AT_DisableTrigAll = "D", AT_DisableTrigUser = "D",
}

local function set_trigger(s, relation, cmd)
  s:lock(relation, "ShareRowExclusiveLock")
  if cmd.name and relation.assumed and
    not state.by_name(relation.triggers, cmd.name) then
    s:assume_part(relation, "triggers",
                  { id = s.cat:new_id(), name = cmd.name, enabled = "?" })
  elseif relation.assumed then
    s:find { level = "caution", kind = "behaviour",
             code = "trigger_enabled_changed",
             object = state.label(relation) }
  end
  for _, trigger in ipairs(relation.triggers) do
    if not cmd.name or trigger.name == cmd.name then
      s:edit(relation, "trigger:" .. trigger.id)
      trigger.enabled = trigger_states[cmd.subtype]
    end
  end
end

local function only_lock(mode, work)
  return function(s, relation) s:lock(relation, mode, work) end
end

local function set_persistence(value)
  return function(s, relation)
    s:lock(relation, "AccessExclusiveLock", "rewrite")
    s:edit(relation).persistence = value
  end
end

local function replica_identity(s, relation, cmd)
  local stmt = cmd.def.ReplicaIdentityStmt
  s:lock(relation, "AccessExclusiveLock")
  s:edit(relation).replica_identity = stmt.identity_type
  if stmt.identity_type == "n" then
    s:unknown("replica_identity_changed", state.label(relation),
              "a published table without an identity refuses updates")
  end
end

local function relation_options(s, relation)
  s:lock(relation, "ShareUpdateExclusiveLock")
  if relation.kind == "view" then
    s:find { level = "unknown", code = "view_definition_changed",
             object = state.label(relation),
             text = "an option of the view can hide rows or refuse writes" }
  end
end

local AEX, SUX = "AccessExclusiveLock", "ShareUpdateExclusiveLock"

alter.subcommands = {
  AT_AddConstraint = add_constraint, AT_DropConstraint = drop_constraint,
  AT_ValidateConstraint = validate, AT_AlterConstraint = alter_constraint,
  AT_AttachPartition = attach, AT_DetachPartition = detach,
  AT_DetachPartitionFinalize = detach,
  AT_AddInherit = inherit,
  AT_DropInherit = function(s, relation, cmd)
    inherit(s, relation, cmd, true)
  end,
  AT_EnableRowSecurity = set("row_security", true),
  AT_DisableRowSecurity = set("row_security", false),
  AT_ForceRowSecurity = set("force_row_security", true),
  AT_NoForceRowSecurity = set("force_row_security", false),
  AT_ChangeOwner = owner,
  AT_SetRelOptions = relation_options, AT_ResetRelOptions = relation_options,
  AT_ReplaceRelOptions = relation_options,
  AT_ReplicaIdentity = replica_identity,
  AT_SetStatistics = only_lock(SUX), AT_SetOptions = only_lock(SUX),
  AT_ResetOptions = only_lock(SUX), AT_SetStorage = only_lock(AEX),
  AT_SetCompression = only_lock(AEX), AT_ClusterOn = only_lock(SUX),
  AT_DropCluster = only_lock(SUX), AT_SetLogged = set_persistence("p"),
  AT_SetUnLogged = set_persistence("u"),
  AT_SetTableSpace = only_lock(AEX, "rewrite"),
  AT_SetAccessMethod = only_lock(AEX),
}
for name in pairs(trigger_states) do alter.subcommands[name] = set_trigger end
for name, run in pairs(columns.subcommands) do
  alter.subcommands[name] = run
end

-- The order in which PostgreSQL does the parts of one statement, however it
-- is written (AlterTablePass, tablecmds.c).
local passes = { AT_DropColumn = 1, AT_DropConstraint = 1, AT_DropNotNull = 1,
                 AT_DropIdentity = 1, AT_DropExpression = 1,
                 AT_AlterColumnType = 2, AT_AddColumn = 3, AT_SetNotNull = 5,
                 AT_AddIdentity = 5, AT_SetIdentity = 5,
                 AT_AddConstraint = 6, AT_ColumnDefault = 7 }

local function pass(cmd)
  if cmd.subtype == "AT_ColumnDefault" and not cmd.def then return 1 end
  if cmd.subtype == "AT_AddConstraint" and
    cmd.def.Constraint.contype == "CONSTR_FOREIGN" then
    return 7
  end
  return passes[cmd.subtype] or 8
end

local function in_passes(cmds)
  local out = {}
  for i, node in ipairs(cmds or {}) do
    out[i] = { cmd = node.AlterTableCmd, pass = pass(node.AlterTableCmd),
               at = i }
  end
  table.sort(out, function(a, b)
    if a.pass ~= b.pass then return a.pass < b.pass end
    return a.at < b.at
  end)
  return out
end

local relation_kinds = {
  OBJECT_VIEW = "view", OBJECT_MATVIEW = "matview",
  OBJECT_SEQUENCE = "sequence", OBJECT_FOREIGN_TABLE = "foreign_table",
}

--- An AlterTableStmt on anything but a composite type.
function alter.relation(s, stmt)
  if stmt.objtype == "OBJECT_INDEX" then return end -- storage, statistics
  local relation = s:relation(stmt.relation, relation_kinds[stmt.objtype],
                              stmt.missing_ok)
  if not relation then return end
  local ctx = { recurse = stmt.relation.inh ~= false, stmt = stmt }
  for _, one in ipairs(in_passes(stmt.cmds)) do
    local run = alter.subcommands[one.cmd.subtype]
    if run then
      run(s, relation, one.cmd, ctx)
    else
      s:unknown("not_judged", state.label(relation),
                one.cmd.subtype:gsub("^AT_", "") .. " is not judged")
    end
  end
end

return alter
