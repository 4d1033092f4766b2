-- luacheck: globals host migration
--- Apply a parsed statement to a catalog, as PostgreSQL would. What is not
--- listed here is unknown, and unknown is never safe.

local alter, tables = migration.apply_alter, migration.apply_table
local index, view = migration.apply_index, migration.apply_view
local type_of, functions = migration.apply_type, migration.apply_function
local grant, data = migration.apply_grant, migration.apply_data
local drop, rename = migration.apply_drop, migration.apply_rename

local apply = {}

local function alter_table(s, stmt)
  if stmt.objtype == "OBJECT_TYPE" then
    return type_of.alter_composite(s, stmt)
  end
  return alter.relation(s, stmt)
end

local function only_lock(mode, work)
  return function(s, stmt)
    local range = stmt.relation
    local relation = range and
      s:lookup("relations", range.schemaname, range.relname)
    if relation then s:lock(relation, mode, work) end
  end
end

local function is_concurrent(stmt)
  for _, node in ipairs(stmt.params or {}) do
    if node.DefElem.defname == "concurrently" then return true end
  end
  return false
end

local function reindex(s, stmt)
  local range = stmt.relation
  if not range then return end
  local relation = s:lookup("relations", range.schemaname, range.relname) or
    index.find(s, range.schemaname, range.relname)
  if relation then
    s:lock(relation, is_concurrent(stmt) and "ShareUpdateExclusiveLock"
      or "ShareLock", "index")
  end
end

local function vacuum(s, stmt)
  local full = false
  for _, node in ipairs(stmt.options or {}) do
    full = full or node.DefElem.defname == "full"
  end
  for _, node in ipairs(stmt.rels or {}) do
    local range = node.VacuumRelation and node.VacuumRelation.relation
    local relation = range and
      s:lookup("relations", range.schemaname, range.relname)
    if relation then
      s:lock(relation, full and "AccessExclusiveLock"
        or "ShareUpdateExclusiveLock", full and "rewrite" or nil)
    end
  end
end

local function comment(s, stmt)
  local list = stmt.object and stmt.object.List and stmt.object.List.items
  if not list then return end
  local parts = migration.apply_types.texts(list)
  if stmt.objtype == "OBJECT_COLUMN" then table.remove(parts) end
  if stmt.objtype ~= "OBJECT_COLUMN" and stmt.objtype ~= "OBJECT_TABLE" then
    return
  end
  local relation = #parts > 0 and
    s:lookup("relations", parts[#parts - 1], parts[#parts])
  if relation then s:lock(relation, "ShareUpdateExclusiveLock") end
end

local function foreign_table(s, stmt)
  tables.create(s, stmt.base, "foreign_table")
end

--- Statements that older code cannot notice.
local function nothing() end

local kinds = {
  CreateStmt = tables.create, CreateForeignTableStmt = foreign_table,
  CreateTableAsStmt = view.create_as, ViewStmt = view.create,
  RefreshMatViewStmt = view.refresh, IndexStmt = index.create,
  AlterTableStmt = alter_table, DropStmt = drop.statement,
  RenameStmt = rename.statement, AlterObjectSchemaStmt = rename.schema,
  RuleStmt = view.rule, CreateSeqStmt = view.sequence,
  AlterSeqStmt = view.alter_sequence, CreateSchemaStmt = view.schema,
  CreateExtensionStmt = view.extension, AlterExtensionStmt = nothing,
  CreateEnumStmt = type_of.enum, AlterEnumStmt = type_of.alter_enum,
  CreateDomainStmt = type_of.domain, AlterDomainStmt = type_of.alter_domain,
  CompositeTypeStmt = type_of.composite, CreateRangeStmt = type_of.range,
  CreateFunctionStmt = functions.create, AlterFunctionStmt = functions.alter,
  DefineStmt = functions.define, CreateCastStmt = functions.cast,
  CreateTrigStmt = functions.trigger, CreatePolicyStmt = functions.policy,
  AlterPolicyStmt = functions.alter_policy, GrantStmt = grant.statement,
  GrantRoleStmt = grant.role, AlterDefaultPrivilegesStmt = grant.default,
  AlterOwnerStmt = grant.owner, InsertStmt = data.insert,
  UpdateStmt = data.update, DeleteStmt = data.delete, MergeStmt = data.merge,
  TruncateStmt = data.truncate, CopyStmt = data.copy,
  SelectStmt = data.select, LockStmt = data.lock, VariableSetStmt = data.set,
  TransactionStmt = data.transaction, DiscardStmt = data.discard,
  DoStmt = data.block, CallStmt = data.call, ExecuteStmt = data.execute,
  ReindexStmt = reindex, VacuumStmt = vacuum, CommentStmt = comment,
  ClusterStmt = only_lock("AccessExclusiveLock", "rewrite"),
  CreateStatsStmt = nothing, AlterStatsStmt = nothing,
  VariableShowStmt = nothing, CheckPointStmt = nothing,
  CreateRoleStmt = nothing, CreateFdwStmt = nothing,
  CreateForeignServerStmt = nothing, CreateUserMappingStmt = nothing,
  CreatePLangStmt = nothing, CreateTableSpaceStmt = nothing,
  CreatedbStmt = nothing, ListenStmt = nothing, NotifyStmt = nothing,
  UnlistenStmt = nothing, ConstraintsSetStmt = nothing,
  SecLabelStmt = nothing, DeallocateStmt = nothing, PrepareStmt = nothing,
}

--- Apply one statement: its kind (the name of the parser's node) and tree.
-- What these do to a schema the comparison of two catalogs shows.
local shown = { ReassignOwnedStmt = true, DropOwnedStmt = true,
                ImportForeignSchemaStmt = true }

function apply.statement(s, kind, stmt)
  local run = kinds[kind]
  if run then return run(s, stmt) end
  s:unknown(shown[kind] and "not_judged" or "not_in_catalog",
            kind:gsub("Stmt$", ""), "this kind of statement is not judged")
end

return apply
