-- luacheck: globals host migration
--- One function a kind of statement: what it does to code that is older than
--- the release. What is not listed is unknown, and unknown is never safe.

local tree, alter = migration.tree, migration.alter
local constraint = migration.constraint

local rules = {}

local function find(world, level, code, object, text, more)
  local f = more or {}
  f.level, f.code, f.object, f.text = level, code, object, text
  world:find(f)
end

--- Statements that older code cannot notice.
for _, kind in ipairs {
  "CommentStmt", "VariableShowStmt", "LockStmt", "CheckPointStmt",
  "CreateStatsStmt", "AlterStatsStmt", "ClusterStmt", "VacuumStmt",
  "ReindexStmt", "CreateRoleStmt", "CreateFdwStmt", "CreateExtensionStmt",
  "CreateForeignServerStmt", "CreateUserMappingStmt", "CreatePLangStmt",
  "CreateTableSpaceStmt", "CreatedbStmt", "ListenStmt",
  "NotifyStmt", "UnlistenStmt", "ConstraintsSetStmt",
} do
  rules[kind] = function() end
end

local is_path = { search_path = true, role = true,
                  session_authorization = true }

--- A setting lasts for the session; a search path gives every name that has
--- no schema another meaning.
function rules.VariableSetStmt(world, stmt)
  if is_path[stmt.name] or stmt.kind == "VAR_RESET_ALL" then
    world.search_path = world.search_path + 1
  end
end

function rules.DiscardStmt(world)
  world:end_session()
end

function rules.TransactionStmt(world, stmt)
  world:end_session()
  if stmt.kind ~= "TRANS_STMT_BEGIN" and stmt.kind ~= "TRANS_STMT_START" and
    stmt.kind ~= "TRANS_STMT_COMMIT" then
    find(world, "unknown", "transaction_control", "transaction",
         "statements may be taken back")
  end
end

local function each_foreign_key(stmt, visit)
  for _, element in ipairs(stmt.tableElts or {}) do
    if element.Constraint then visit(element.Constraint) end
    local def = element.ColumnDef
    for _, c in ipairs(def and def.constraints or {}) do
      visit(c.Constraint)
    end
  end
end

local function partition(world, stmt, name)
  local parent = stmt.inhRelations[1].RangeVar
  if world:is_born(world:relation_key(parent)) then return end
  if stmt.tableElts and #stmt.tableElts > 0 then
    find(world, "unknown", "partition_constraint_added", name,
         "rows of its range may now be refused")
  end
  return true
end

local function create_table(world, stmt)
  local key = world:relation_key(stmt.relation)
  local name = world.relation_text(stmt.relation)
  -- older code writes to a partition of an older table through its parent
  local reached = stmt.partbound and partition(world, stmt, name)
  world:bear(key, stmt.if_not_exists or reached,
             { temporary = stmt.relation.relpersistence == "t" })
  each_foreign_key(stmt, function(c)
    if c.contype == "CONSTR_FOREIGN" then
      constraint.caution_parent(world, c, name, key)
    end
  end)
end
rules.CreateStmt = create_table

function rules.CreateForeignTableStmt(world, stmt)
  create_table(world, stmt.base)
end

local function born_into(world, stmt, into)
  local key = world:relation_key(into.rel)
  local old_gone = false
  for _, f in ipairs(world.findings) do
    old_gone = old_gone or f.away == key
  end
  world:bear(key, stmt.if_not_exists,
             { temporary = into.rel.relpersistence == "t" })
  if into.skipData and old_gone then
    find(world, "incompatible", "matview_unpopulated",
         world.relation_text(into.rel),
         "reading it fails until it is refreshed", { on = key })
  end
end

-- PostgreSQL's own functions that change nothing but the session.
local harmless_calls = {}
for name in ([[
  set_config pg_advisory_lock pg_advisory_xact_lock pg_advisory_unlock
  current_setting version now clock_timestamp statement_timestamp timezone
  count sum min max avg bool_or bool_and array_agg string_agg json_agg
  jsonb_agg jsonb_object_agg row_number rank dense_rank lag lead
  first_value last_value lower upper length char_length btrim ltrim rtrim
  concat concat_ws substring left right replace split_part md5 encode decode
  to_char to_date to_timestamp to_number to_json to_jsonb to_tsvector
  jsonb_build_object json_build_object jsonb_array_elements
  jsonb_array_elements_text jsonb_set date_trunc date_part extract
  gen_random_uuid generate_series unnest array_length cardinality abs round
  floor ceil random mod position regexp_replace array_to_string
]]):gmatch("%S+") do
  harmless_calls[name] = true
end

--- Whether a query only reads: no call that is not known, no writing WITH.
local function only_reads(world, node)
  if type(node) ~= "table" then return true end
  if node.InsertStmt or node.UpdateStmt or node.DeleteStmt then
    return false
  end
  if node.FuncCall then
    local schema, name = tree.qualified(node.FuncCall.funcname)
    if schema and schema ~= "pg_catalog" or not harmless_calls[name] then
      return false
    end
    if name == "set_config" then world.search_path = world.search_path + 1 end
  end
  for _, child in pairs(node) do
    if not only_reads(world, child) then return false end
  end
  return true
end

function rules.SelectStmt(world, stmt)
  if stmt.intoClause then born_into(world, stmt, stmt.intoClause) end
  if not only_reads(world, stmt) then
    find(world, "unknown", "data_changed", "select",
         "a function that is called, or a WITH, may change anything")
  end
end

function rules.CreateTableAsStmt(world, stmt)
  born_into(world, stmt, stmt.into)
  if not stmt.query.SelectStmt or not only_reads(world, stmt.query) then
    find(world, "unknown", "data_changed",
         world.relation_text(stmt.into.rel),
         "what the query does is not judged")
  end
end

function rules.ViewStmt(world, stmt)
  local key = world:relation_key(stmt.view)
  if stmt.replace and not world:is_born(key) then
    world:bear(key, true)
    find(world, "unknown", "view_definition_changed",
         world.relation_text(stmt.view),
         "if the view is older, its rows may be others now")
  elseif not stmt.replace then
    world:bear(key)
  end
end

function rules.RefreshMatViewStmt(world, stmt)
  if stmt.skipData and
    not world:is_born(world:relation_key(stmt.relation)) then
    find(world, "incompatible", "matview_unpopulated",
         world.relation_text(stmt.relation),
         "reading it fails until it is refreshed")
  end
end

function rules.IndexStmt(world, stmt)
  local ctx = alter.context(world, stmt.relation, "OBJECT_TABLE")
  local key = world:key("relation", stmt.relation.schemaname, stmt.idxname)
  if not ctx.born then constraint.index(ctx, stmt, key) end
  if stmt.idxname then world:bear(key, stmt.if_not_exists) end
end

rules.AlterTableStmt = alter.table

function rules.CreateSchemaStmt(world, stmt)
  world:bear(world:key("schema", "", stmt.schemaname or "?"),
             stmt.if_not_exists)
  if stmt.schemaElts then
    find(world, "unknown", "not_judged", stmt.schemaname or "schema",
         "statements inside CREATE SCHEMA are not judged")
  end
end

local function new_type(field)
  return function(world, stmt)
    world:bear(world:list_key("type", { List = { items = stmt[field] } }))
  end
end
rules.CreateEnumStmt = new_type("typeName")
rules.CreateRangeStmt = new_type("typeName")

function rules.CompositeTypeStmt(world, stmt)
  world:bear(world:key("type", stmt.typevar.schemaname,
                       stmt.typevar.relname))
end

function rules.CreateDomainStmt(world, stmt)
  local base = world.things[world:list_key("type", {
    List = { items = stmt.typeName and stmt.typeName.names } })] or {}
  local details = { domain = true, required = base.required,
                    default = base.default,
                    checks = table.move(base.checks or {}, 1,
                                        #(base.checks or {}), 1, {}) }
  for _, node in ipairs(stmt.constraints or {}) do
    local c = node.Constraint
    if c.contype == "CONSTR_NOTNULL" then details.required = true end
    if c.contype == "CONSTR_DEFAULT" then details.default = c.raw_expr end
    if c.contype == "CONSTR_CHECK" then
      table.insert(details.checks, c.raw_expr)
    end
  end
  world:bear(world:list_key("type", { List = { items = stmt.domainname } }),
             false, details)
end

function rules.CreateSeqStmt(world, stmt)
  world:bear(world:relation_key(stmt.sequence), stmt.if_not_exists)
end

function rules.AlterSeqStmt(world, stmt)
  if world:is_born(world:relation_key(stmt.sequence)) then return end
  for _, node in ipairs(stmt.options or {}) do
    if node.DefElem.defname ~= "owned_by" then
      find(world, "unknown", "sequence_changed",
           world.relation_text(stmt.sequence),
           "the next values may be ones that are taken")
    end
  end
end

local function name_of(list)
  return table.concat(tree.texts(list), ".")
end

--- By name alone: which of several of a name is called is PostgreSQL's
--- choice among them, so another one can change or refuse an older call.
function rules.CreateFunctionStmt(world, stmt)
  local key = world:list_key("function", { List = { items = stmt.funcname } })
  local schema = tree.qualified(stmt.funcname)
  local result = tree.type_name(stmt.returnType)
  local name = name_of(stmt.funcname)
  local before = world:status(key)
  if stmt.replace and before ~= "born" then
    world:bear(key, true)
    find(world, "unknown", "function_body_changed", name,
         "if the function is older, it may now do something else")
    return
  end
  world:bear(key)
  if result ~= "trigger" and before ~= "born" and
    not (schema and world:is_born(world:key("schema", "", schema))) then
    find(world, "unknown", "function_call_ambiguous", name,
         "if there is an older function of that name, its calls may become "
           .. "ambiguous or find this one", { on = key })
  end
end

function rules.CreateTrigStmt(world, stmt)
  local table_key = world:relation_key(stmt.relation)
  local name = world.relation_text(stmt.relation)
  local key = ("trigger\0%s\0%s"):format(table_key, stmt.trigname)
  if world:is_born(table_key) then return end
  if not stmt.replace then world:bear(key) end
  find(world, "unknown", "trigger_added",
       ("%s on %s"):format(stmt.trigname, name),
       "the trigger may change or refuse what older code writes",
       { on = key })
end

function rules.CreatePolicyStmt(world, stmt)
  local key = world:relation_key(stmt.table)
  if not stmt.permissive and not world:is_born(key) then
    find(world, "incompatible", "restrictive_policy_added",
         ("%s on %s"):format(stmt.policy_name,
                             world.relation_text(stmt.table)),
         "older code may no longer see or write rows", { table = key })
  end
end

function rules.RuleStmt(world, stmt)
  if not world:is_born(world:relation_key(stmt.relation)) then
    find(world, "unknown", "rule_added", world.relation_text(stmt.relation),
         "the rule may change what older statements do")
  end
end

function rules.AlterEnumStmt(world, stmt)
  local key = world:list_key("type", { List = { items = stmt.typeName } })
  local name = name_of(stmt.typeName)
  if world:is_born(key) then return end
  if stmt.oldVal then
    find(world, "incompatible", "enum_value_renamed",
         name .. " " .. stmt.oldVal, "older code uses the old name")
  else
    find(world, "caution", "enum_value_added", name .. " " .. stmt.newVal,
         "older code may meet a value that it does not know")
  end
end

local domain_changes = {
  C = { "incompatible", "domain_check_added",
        "the check also refuses values that older code writes" },
  O = { "incompatible", "domain_not_null_added", "older code may write NULL" },
  T = { "unknown", "default_changed",
        "older code's inserts get another value" },
  N = { "caution", "not_null_dropped", "older code may meet a NULL" },
  X = { "unknown", "constraint_removed",
        "older code may rely on what it refused" },
}

function rules.AlterDomainStmt(world, stmt)
  local key = world:list_key("type", { List = { items = stmt.typeName } })
  local change = domain_changes[stmt.subtype]
  if world:is_born(key) then
    -- a column of the release may have got this domain: what it demands is
    -- not followed any further
    find(world, "unknown", "domain_changed", name_of(stmt.typeName),
         "columns that were added with it are not followed")
  elseif change then
    find(world, change[1], change[2], name_of(stmt.typeName), change[3])
  elseif stmt.subtype ~= "V" then
    find(world, "unknown", "not_judged", name_of(stmt.typeName),
         "this change of a domain is not judged")
  end
end

local grant_spaces = { OBJECT_TABLE = "relation", OBJECT_SEQUENCE = "relation",
                       OBJECT_FUNCTION = "function", OBJECT_TYPE = "type",
                       OBJECT_DOMAIN = "type" }

local function granted_key(world, stmt, object)
  local space = grant_spaces[stmt.objtype]
  if stmt.targtype ~= "ACL_TARGET_OBJECT" or stmt.objtype == "OBJECT_SCHEMA"
  then
    return world:key("schema", "", tree.text(object) or "?")
  end
  return space and world:list_key(space, object)
end

function rules.GrantStmt(world, stmt)
  if stmt.is_grant then return end
  for _, object in ipairs(stmt.objects or {}) do
    local key = granted_key(world, stmt, object)
    if not key or not world:is_born(key) then
      find(world, "incompatible", "privilege_lost", world.list_text(object),
           "older code may have used the right")
    end
  end
end

function rules.GrantRoleStmt(world, stmt)
  if not stmt.is_grant then
    find(world, "incompatible", "privilege_lost", "role",
         "older code may have used the role's rights")
  end
end

function rules.AlterDefaultPrivilegesStmt(world, stmt)
  if not (stmt.action and stmt.action.is_grant) then
    find(world, "unknown", "privilege_lost", "default privileges",
         "objects made later lack the right")
  end
end

local function owner_key(world, stmt)
  if stmt.relation then return world:relation_key(stmt.relation) end
  local space = stmt.objectType == "OBJECT_SCHEMA" and "schema"
    or stmt.objectType == "OBJECT_FUNCTION" and "function" or "type"
  if space == "schema" then
    return world:key("schema", "", tree.text(stmt.object) or "?")
  end
  return world:list_key(space, stmt.object or {})
end

function rules.AlterOwnerStmt(world, stmt)
  if not world:is_born(owner_key(world, stmt)) then
    find(world, "unknown", "owner_changed", world.list_text(stmt.object or {}),
         "older code may have had its rights as the owner")
  end
end

--- Rows: whoever changes older ones cannot be judged by reading.
local function change_rows(world, stmt, range)
  if not world:is_born(world:relation_key(range)) or
    stmt.behavior == "DROP_CASCADE" or not only_reads(world, stmt) then
    find(world, "unknown", "data_changed", world.relation_text(range),
         "what the rows mean to older code cannot be read here; no "
           .. "migration back restores them")
  end
end

local function changes_rows(world, stmt)
  change_rows(world, stmt, stmt.relation)
end
rules.InsertStmt = changes_rows
rules.UpdateStmt = changes_rows
rules.DeleteStmt = changes_rows
rules.MergeStmt = changes_rows

function rules.TruncateStmt(world, stmt)
  for _, node in ipairs(stmt.relations) do
    change_rows(world, stmt, node.RangeVar)
  end
end

function rules.CopyStmt(world, stmt)
  local is_new = stmt.relation and
    world:is_born(world:relation_key(stmt.relation))
  if stmt.is_from and not is_new or stmt.is_program then
    find(world, "unknown", "data_changed",
         stmt.relation and world.relation_text(stmt.relation) or "copy",
         "what the rows mean to older code cannot be read here")
  end
end

function rules.DoStmt(world)
  find(world, "unknown", "dynamic_sql", "DO block",
       "a block of code may do anything")
end

function rules.CallStmt(world)
  find(world, "unknown", "dynamic_sql", "CALL",
       "a procedure may do anything")
end

--- Give a statement (tree) of a release to the world.
function rules.apply(world, kind, stmt)
  local rule = rules[kind] or migration.names[kind]
  if rule then
    rule(world, stmt)
  else
    find(world, "unknown", "not_judged", kind:gsub("Stmt$", ""),
         "this kind of statement is not judged")
  end
end

return rules
