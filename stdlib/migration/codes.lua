-- luacheck: globals host migration
--- What each code of a finding means: the one table that verdicts, help
--- texts, SARIF rules and docs/migrations.md are made from. A finding carries
--- its own level where a code has two (see `also`).
---
--- Fields of a row: level ("incompatible", "unknown", "caution", "note"), kind
--- of a caution ("data", "behaviour", "performance", "shape"), breaks (what
--- older code meets), safe (the way that keeps older code running), also (a
--- second level the code may have).

local codes = {}

local function row(level, kind, breaks, safe, also)
  return { level = level, kind = kind, breaks = breaks, safe = safe,
           also = also }
end

local function reason(breaks, safe, also)
  return row("incompatible", also and "shape" or nil, breaks, safe, also)
end

local function caution(kind, breaks, safe)
  return row("caution", kind, breaks, safe)
end

local function unknown(breaks, safe)
  return row("unknown", nil, breaks, safe)
end

local function note(breaks)
  return row("note", nil, breaks, nil)
end

local LATER = "stop using it in a release of its own, and remove it in the "
  .. "release after that"
local KEEP_NAME = "keep the old name, or leave a view of the old name behind "
  .. "in the same transaction"

-- relations

local relation_words = {
  table = "table", view = "view", matview = "materialized view",
  sequence = "sequence", foreign_table = "foreign table",
}

for kind, words in pairs(relation_words) do
  local own = kind == "sequence" and "caution" or nil
  codes[kind .. "_removed"] = reason(
    ("older statements name the %s, which is gone"):format(words), LATER)
  codes[kind .. "_renamed"] = reason(
    ("older statements name the %s by its old name"):format(words),
    KEEP_NAME, own)
  codes[kind .. "_moved_schema"] = reason(
    ("older statements look for the %s in its old schema"):format(words),
    "leave a view in the old schema, or add the new schema to the "
      .. "search_path of the older release first", own)
  codes[kind .. "_added"] = note(("a new %s"):format(words))
end

codes.relation_no_longer_writable = reason(
  "older INSERT, UPDATE or DELETE statements are refused: what has the name "
    .. "now cannot be written to",
  "keep a table of the name, or a view that PostgreSQL can write through")
codes.relation_kind_changed = row("caution", "behaviour",
  "the name now belongs to another kind of relation; COPY FROM, TRUNCATE and "
    .. "locks of older code may be refused",
  "keep the kind until the older release is gone", "incompatible")
codes.matview_unpopulated = reason(
  "reading it fails until it is refreshed",
  "REFRESH MATERIALIZED VIEW in the same migration")
codes.row_security_enabled = reason(
  "roles that do not own the table see and write only rows that a policy "
    .. "lets through",
  "create the policies first, and enable row security when the older "
    .. "release is gone")
codes.row_security_forced = reason(
  "the owner too sees and writes only rows that a policy lets through",
  "force row security when the older release is gone")
codes.privilege_lost = reason(
  "older statements of the role are refused",
  "revoke when the older release is gone; grant again after DROP and CREATE")
codes.partition_detached = reason(
  "older statements on the parent no longer see the partition's rows, and "
    .. "new rows of its range are refused",
  "detach when no older code reads that range")
codes.partition_constraint_added = reason(
  "rows outside the bound, which older code could write directly, are "
    .. "refused", "write through the parent before attaching")
codes.partition_key_changed = reason(
  "rows that older code writes may find no partition",
  "keep the partition key, or make a new table")
codes.schema_removed = reason(
  "older statements name objects in the schema",
  "keep the schema with views of what it held")
codes.extension_removed = reason(
  "functions, types and operators of the extension are gone", LATER)
codes.extension_moved_schema = reason(
  "older statements look for what is in the extension in its old schema",
  "add the new schema to the search_path of the older release first")
codes.relation_shadowed = reason(
  "older statements that name it without a schema find another relation, "
    .. "whose schema comes first in the search_path",
  "give the new relation another name")
codes.statement_broken = reason(
  "the older release's own statement can no longer be prepared",
  "see what it names among the other reasons")
codes.cast_removed = reason("older statements may need the cast", LATER)
codes.operator_removed = reason("older statements may need the operator",
                                LATER)
codes.inheritance_removed = reason(
  "older statements on the parent no longer see the child's rows", LATER)

-- columns

codes.column_removed = reason("older statements name the column", LATER)
codes.column_renamed = reason(
  "older statements name the column by its old name",
  "add the new column, write both, backfill, and drop the old one two "
    .. "releases later")
codes.view_column_removed = reason(
  "older statements name the view's column", LATER)
codes.column_type_changed = reason(
  "clients that know the old type cannot read or write the column",
  "add a column of the new type, write both, backfill, switch readers, and "
    .. "drop the old one two releases later")
codes.column_type_narrowed = reason(
  "values that older code writes no longer fit",
  "a CHECK ... NOT VALID when no older code writes longer values")
codes.column_type_int_widened = reason(
  "typed clients read the wider integer as another type, or overflow",
  "add a column of the wider type, write both, backfill, switch readers")
codes.column_type_int_narrowed = reason(
  "older code may write integers that no longer fit",
  "keep the wider type")
codes.not_null_added = reason(
  "older INSERT or UPDATE statements that leave the column NULL are refused",
  "give it a DEFAULT and stop writing NULL in a release before this one")
codes.required_column_added = reason(
  "older INSERT statements do not name the column and have no value for it",
  "make it nullable or give it a DEFAULT that stays until the older release "
    .. "is gone")
codes.default_dropped_on_not_null = reason(
  "older INSERT statements that leave the column out are refused",
  "keep the DEFAULT until the older release is gone")
codes.default_refused = reason(
  "older INSERT statements stored NULL, and now a value that a key, a "
    .. "foreign key or a check may refuse",
  "set the DEFAULT when the older release is gone")
codes.identity_became_always = reason(
  "older INSERT statements with a value of their own are refused",
  "GENERATED BY DEFAULT AS IDENTITY accepts them")
codes.column_became_generated = reason(
  "older statements that write the column are refused",
  "fill the column by a trigger until the older release is gone")
codes.composite_attribute_added = reason(
  "older row values of the type have too few fields",
  "make a new type")

-- constraints

codes.unique_added = reason(
  "older writes that repeat a value are refused, whatever the rows of today",
  "let the older release stop writing duplicates first; CREATE UNIQUE INDEX "
    .. "CONCURRENTLY saves the lock, not the older writes")
codes.unique_changed = reason(
  "older writes that the former key allowed are refused",
  "add the new key when no older code writes what it refuses")
codes.fk_added = reason(
  "older writes without a parent row are refused, and so may be deletes of "
    .. "parents; NOT VALID does not help older writes",
  "let the older release write parents first, then add it")
codes.fk_on_delete_tightened = reason(
  "older DELETE statements on the parent are refused",
  "keep the former action until the older release is gone")
codes.fk_on_update_tightened = reason(
  "older UPDATE statements of the parent's key are refused",
  "keep the former action until the older release is gone")
codes.check_added = reason(
  "older writes that fail the condition are refused, NOT VALID or not",
  "let the older release keep the condition first, then add it")
codes.check_changed = reason(
  "older writes that the former condition allowed are refused",
  "widen the condition first; narrow it when the older release is gone")
codes.exclusion_added = reason(
  "older writes that conflict are refused",
  "let the older release avoid conflicts first, then add it")
codes.domain_check_added = reason(
  "older values of the domain are refused",
  "a CHECK on the tables whose writers are known")
codes.domain_not_null_added = reason(
  "older NULLs of the domain are refused",
  "SET NOT NULL on the columns whose writers are known")
codes.domain_base_changed = reason(
  "clients that know the old base type cannot read or write it",
  "make a new domain")

-- types and functions

codes.enum_value_removed = reason(
  "older statements write or compare with the value", LATER)
codes.enum_value_renamed = reason(
  "older statements use the value's old name",
  "add the new value, read both, backfill")
for _, kind in ipairs { "enum", "domain", "range", "composite_type", "type" }
do
  local words = kind:gsub("_", " ")
  codes[kind .. "_removed"] = reason(
    ("older casts and typed clients look the %s up"):format(words), LATER)
  codes[kind .. "_renamed"] = reason(
    ("older casts and typed clients look the %s up by its old name")
      :format(words), "make a new type, and move columns release by release")
  codes[kind .. "_added"] = note(("a new %s"):format(words))
end
codes.composite_type_moved_schema = codes.composite_type_renamed
codes.type_kind_changed = reason(
  "the name now belongs to another kind of type", "make a new type")
codes.range_subtype_changed = reason(
  "older values of the range do not fit", "make a new type")

codes.function_removed = reason("older calls find no such function", LATER)
codes.function_renamed = reason(
  "older calls use the function's old name",
  "keep a function of the old name that calls the new one")
codes.function_result_changed = reason(
  "older callers get another type",
  "make a function of another name")
codes.function_kind_changed = reason(
  "a function is called in other ways than a procedure or an aggregate",
  "make a function of another name")
codes.function_default_removed = reason(
  "older calls that leave the argument out find no such function",
  "keep the DEFAULT until the older release is gone")
codes.function_call_ambiguous = reason(
  "older calls fit both functions, and PostgreSQL refuses to choose",
  "give the new function another name, or no DEFAULT")
codes.policy_removed = reason(
  "rows that the policy let through are no longer seen or written",
  "drop the policy when the older release is gone")
codes.policy_changed = reason(
  "rows that the policy let through may no longer be seen or written",
  "add a second permissive policy, and drop the former one later")
codes.restrictive_policy_added = reason(
  "older code may no longer see or write rows",
  "add it when the older release is gone")

-- cautions: data

codes.not_null_dropped = caution("data",
  "older readers may meet a NULL once the new code writes one, and going "
    .. "back to NOT NULL then fails",
  "count the NULLs before rolling the code back")
codes.enum_value_added = caution("data",
  "typed readers of the older release may meet a value they do not know, and "
    .. "PostgreSQL cannot remove it again",
  "release the reader first, the writer later")
codes.check_relaxed = caution("data",
  "older readers may meet values that the former condition refused",
  "release the reader first, the writer later")
codes.unique_removed = caution("data",
  "ON CONFLICT on these columns is refused (42P10), and duplicates may come",
  "drop it when no older code upserts by it")
codes.fk_removed = caution("data",
  "older code may meet rows without a parent; what ON DELETE did is no "
    .. "longer done",
  "drop it when the older release is gone")
codes.fk_on_delete_changed = caution("data",
  "deleting a parent now does something else to its children",
  "check what older code deletes")
codes.fk_on_update_changed = caution("data",
  "changing a parent's key now does something else to its children",
  "check what older code updates")
codes.new_fk_can_block_parent_delete = caution("data",
  "once the new code has written children, older DELETE statements on the "
    .. "parent are refused",
  "ON DELETE CASCADE or SET NULL; check child rows before rolling back")
codes.json_column_added = caution("data",
  "json has no equality: SELECT DISTINCT * and GROUP BY fail", "use jsonb")
codes.table_recreated = caution("data",
  "the table was dropped and made again: its rows are gone",
  "ALTER TABLE keeps the rows")
codes.table_swapped = caution("data",
  "another relation has the table's name now",
  "check that it holds the rows that older code reads")
codes.column_recreated = caution("data",
  "the column was dropped and made again: its values are gone",
  "ALTER COLUMN keeps the values")
codes.column_swapped = caution("data",
  "another column has the name now",
  "check that it holds the values that older code reads")
codes.rows_added = caution("data",
  "rows were written into a table that older code reads",
  "check what older code does with them")
codes.domain_check_relaxed = caution("data",
  "older readers may meet values that the domain refused",
  "release the reader first, the writer later")

-- cautions: behaviour

codes.default_changed = caution("behaviour",
  "older INSERT statements that leave the column out store another value",
  "check what older code reads back")
codes.default_dropped = caution("behaviour",
  "older INSERT statements that leave the column out now store NULL",
  "keep the DEFAULT until the older release is gone")
codes.trigger_added = caution("behaviour",
  "the trigger may change or refuse what older code writes",
  "read its function with older writes in mind")
codes.trigger_removed = caution("behaviour",
  "what the trigger did for older writes is no longer done",
  "drop it when the older release is gone")
codes.trigger_changed = caution("behaviour",
  "the trigger may do something else for older writes",
  "read its function with older writes in mind")
codes.trigger_enabled_changed = caution("behaviour",
  "the trigger fires for other sessions than before",
  "check who relies on it")
codes.rule_added = caution("behaviour",
  "the rule may rewrite older statements", "use a trigger or a view")
codes.rule_removed = caution("behaviour",
  "what the rule did for older statements is no longer done",
  "drop it when the older release is gone")
codes.rule_changed = caution("behaviour",
  "the rule may do something else to older statements",
  "use a trigger or a view")
codes.function_body_changed = caution("behaviour",
  "older calls may get another answer",
  "read both bodies, or give the new one another name")
codes.function_attributes_changed = caution("behaviour",
  "the function runs with another right, setting or NULL handling",
  "check who calls it")
codes.function_argnames_changed = caution("behaviour",
  "older calls that name the argument (f(x => 1)) fail",
  "keep the names")
codes.function_overload_added = caution("behaviour",
  "older calls with untyped literals (f('1')) may fit both functions, or "
    .. "find the new one",
  "give the new function another name")
codes.function_signature_extended = caution("behaviour",
  "older calls reach a function with a new argument; grants and dependent "
    .. "objects went with the old one",
  "grant again, and check what used it")
codes.view_definition_changed = caution("behaviour",
  "older reads may get other rows or values", "compare both definitions")
codes.collation_changed = caution("behaviour",
  "order and comparison of older queries change", "compare sorted results")
codes.expression_index_added = caution("behaviour",
  "an expression that raises (a cast, a division) refuses older writes",
  "index an expression that no value makes fail")
codes.owner_changed = caution("behaviour",
  "the former owner loses its rights unless it has them otherwise",
  "grant them to the former owner")
codes.extension_version_changed = caution("behaviour",
  "functions of the extension may do something else",
  "read the extension's notes")
codes.generated_column_added = caution("behaviour",
  "an expression that raises refuses the older write that it raises on",
  "compute by an expression that no value makes fail")
codes.column_no_longer_generated = caution("behaviour",
  "the column is no longer computed: its values go stale",
  "fill it by a trigger until the older release is gone")
codes.generated_expression_changed = caution("behaviour",
  "the column is computed in another way", "compare both expressions")
codes.sequence_changed = caution("behaviour",
  "the next numbers are others than older code expects",
  "check the range and the step")
codes.policy_relaxed = caution("behaviour",
  "older code may see or write rows that the policy kept away",
  "check what older code does with them")
codes.policy_added = caution("behaviour",
  "older code may see or write rows that were kept away",
  "check what older code does with them")
codes.row_security_disabled = caution("behaviour",
  "older code sees rows that policies kept away",
  "check what older code does with them")
codes.persistence_changed = note("the table's rows survive a crash or not")

-- cautions: performance and shape

codes.index_removed = caution("performance",
  "older queries may need it: a slow rollback",
  "drop it when the older release is gone")
codes.column_order_changed = caution("shape",
  "SELECT * and INSERT without column names meet another order",
  "name the columns")
codes.column_inserted_before_end = caution("shape",
  "INSERT without column names writes into other columns",
  "add columns at the end")
codes.constraint_renamed = caution("shape",
  "ON CONFLICT ON CONSTRAINT and error handling by name fail",
  "keep the name")
codes.replica_identity_changed = note("logical replication sends other keys")

-- unknown

codes.data_changed = unknown(
  "what the changed rows mean to older code cannot be read here; no "
    .. "migration back restores them",
  "change rows in a step of its own, in batches, and keep what was there")
codes.dynamic_sql = unknown("a block of code may do anything",
  "write plain statements")
codes.unparsable = unknown("PostgreSQL's parser cannot read it",
  "assess the live catalog instead")
codes.uncut = unknown("the file's sections cannot be told apart",
  "keep the tool's own comment lines")
codes.not_judged = unknown("this kind of statement is not judged",
  "assess the live catalog instead")
codes.not_in_catalog = unknown(
  "roles, settings, text search and the like are in no catalog that is "
    .. "compared",
  "try the older release after the change, in a step of its own")
codes.transaction_control = unknown("statements may be taken back",
  "leave the transaction to the migration tool")
codes.migration_changed = unknown(
  "an existing migration was edited: what ran may be neither the old text "
    .. "nor the new one",
  "leave what has been applied alone, and add a migration")
codes.migration_removed = unknown("an existing migration was removed",
  "keep the files of what has been applied")
codes.ledger_unknown = unknown(
  "the ledger names a migration that no file is found for",
  "assess from a checkout that holds it")
codes.order_unknown = unknown(
  "the order of the migrations cannot be told",
  "mend the graph of revisions")
codes.object_unknown = unknown(
  "what the object was like before is not known here",
  "assess the whole history, or the live catalog")
codes.catalog_incomplete = unknown(
  "a part of the catalog could not be read",
  "read it as a role with the right to")

-- notes

codes.column_added = note("older statements do not name it")
codes.column_type_widened = note("every older value fits")
codes.default_added = note("older INSERT statements may leave it out")
codes.index_added = note("a new index")
codes.index_invalid = note(
  "a CREATE INDEX CONCURRENTLY failed: the index is not used, and a unique "
    .. "one still refuses duplicates")
codes.index_renamed = note("an index is not named by statements")
codes.constraint_removed = note("more is allowed than before")
codes.constraint_validated = note("older rows have been checked")
codes.unique_added_implied = note("an older key implies it")
codes.unique_added_on_new_column = note("older rows cannot repeat it")
codes.fk_added_on_new_column = note("older rows leave it NULL")
codes.check_added_implied = note("an older constraint implies it")
codes.check_added_satisfied_by_defaults = note(
  "what older INSERT statements store satisfies it")
codes.not_null_implied = note("a CHECK refused NULL already")
codes.owned_sequence_removed = note("it went with its column")
codes.trigger_function_removed = note("only triggers call it")
codes.trigger_renamed = note("a trigger is not named by statements")
codes.function_added = note("a new function")
codes.extension_added = note("a new extension")
codes.schema_added = note("a new schema")
codes.view_recreated = note("dropped and made again")
codes.matview_recreated = note("dropped and made again")
codes.sequence_recreated = note("dropped and made again")
codes.composite_type_recreated = note("dropped and made again")
codes.type_recreated = note("dropped and made again")
codes.partition_added = note("a new partition")
codes.cast_added = note("a new cast")
codes.operator_added = note("a new operator")

return codes
