-- luacheck: globals host migration
--- Statements about rows, and about the session. What rows mean to older
--- code no catalog shows: changing older ones is unknown, unless an UPDATE
--- only fills columns that the unit itself has added.

local state, query = migration.apply_state, migration.apply_query
local types, tables = migration.apply_types, migration.apply_table

local data = {}

local RX = "RowExclusiveLock"

local function note(s, relation, what)
  local statement = s.cat.statement
  s.data[#s.data + 1] = { line = statement and statement.line or 0,
                          table = state.label(relation), what = what }
end

local function lock_sources(s, stmt)
  for _, source in ipairs(query.sources(s, stmt)) do
    s:lock(source.relation, "AccessShareLock")
  end
end

local function unsure(s, stmt, relation)
  if not query.only_reads(s, stmt) then
    s:unknown("data_changed", state.label(relation),
              "a function that is called, or a WITH, may change anything")
  end
end

local function changed(s, relation, what)
  s:unknown("data_changed", state.label(relation),
            "what the rows mean to older code cannot be read here; no "
              .. "migration back restores them")
  note(s, relation, what)
end

local function target(s, stmt)
  local relation = s:relation(stmt.relation)
  lock_sources(s, stmt)
  if not relation then
    local range = stmt.relation
    if state.is_system(range.schemaname, range.relname) then
      s:unknown("dynamic_sql", range.relname,
                "rows of PostgreSQL's own catalog are the schema itself")
    end
    return nil
  end
  s:lock(relation, RX)
  unsure(s, stmt, relation)
  return relation, s:is_old("relations", relation) and
    not s:is_ledger(relation)
end

function data.insert(s, stmt)
  local relation, old = target(s, stmt)
  if not relation or not old then return end
  local conflict = stmt.onConflictClause
  if conflict and conflict.action == "ONCONFLICT_UPDATE" then
    return changed(s, relation, "insert or update")
  end
  s:find { level = "caution", kind = "data", code = "rows_added",
           object = state.label(relation),
           text = "older code meets rows that it has not written" }
  note(s, relation, "insert")
end

--- Whether the column was made by the unit.
local function is_new(s, relation, name)
  local column = state.by_name(relation.columns, name)
  local before = s.cat:was("relations", relation.id)
  if not column or column.assumed or column.maybe then return false end
  for _, one in ipairs(before and before.columns or {}) do
    if one.attnum == column.attnum then return false end
  end
  return true
end

local function is_backfill(s, relation, stmt)
  for _, node in ipairs(stmt.targetList or {}) do
    if not is_new(s, relation, node.ResTarget.name) then return false end
  end
  return true
end

function data.update(s, stmt)
  local relation, old = target(s, stmt)
  if not relation or not old then return end
  if is_backfill(s, relation, stmt) then
    note(s, relation, "backfill")
  else
    changed(s, relation, "update")
  end
end

--- ALTER COLUMN .. TYPE .. USING an expression of another kind than a cast.
function data.rewritten(s, relation, column)
  if s:is_old("relations", relation) and
    not is_new(s, relation, column.name) then
    changed(s, relation, "update")
  end
end

--- What refers to the relation goes with its rows, or is written.
local function follow(s, relation, what, seen)
  seen[relation.id] = true
  for _, other in ipairs(s.cat:used_by(relation.id)) do
    for _, c in ipairs(other.constraints or {}) do
      local r = c.references
      local action = r and r.id == relation.id and r.on_delete
      local how = what == "truncate" and action and what
        or action == "c" and "delete"
        or (action == "n" or action == "d") and "update"
      if how and not seen[other.id] and s:is_old("relations", other) then
        changed(s, other, how)
        if how ~= "update" then follow(s, other, what, seen) end
      end
    end
  end
end

function data.delete(s, stmt)
  local relation, old = target(s, stmt)
  if relation and old then
    changed(s, relation, "delete")
    follow(s, relation, "delete", {})
  end
end

function data.merge(s, stmt)
  local relation, old = target(s, stmt)
  if relation and old then changed(s, relation, "merge") end
end

function data.truncate(s, stmt)
  for _, node in ipairs(stmt.relations or {}) do
    local relation = s:relation(node.RangeVar)
    if relation then
      s:lock(relation, "AccessExclusiveLock", "rewrite")
      if s:is_old("relations", relation) then
        changed(s, relation, "truncate")
        if stmt.behavior == "DROP_CASCADE" then
          follow(s, relation, "truncate", {})
        end
      elseif stmt.behavior == "DROP_CASCADE" then
        s:unknown("data_changed", state.label(relation),
                  "CASCADE also empties the tables that refer to it")
      end
    end
  end
end

function data.copy(s, stmt)
  if stmt.is_program then
    return s:unknown("dynamic_sql", "COPY", "a program may do anything")
  end
  local relation = stmt.relation and s:relation(stmt.relation)
  if not stmt.is_from or not relation then return end
  s:lock(relation, RX)
  if s:is_old("relations", relation) then
    s:find { level = "caution", kind = "data", code = "rows_added",
             object = state.label(relation),
             text = "older code meets rows that it has not written" }
    note(s, relation, "copy")
  end
end

local function text_arguments(call)
  local out = {}
  for i, arg in ipairs(call.args or {}) do
    local const = arg.A_Const
    out[i] = const and const.sval and (const.sval.sval or "") or false
  end
  return out
end

--- set_config('search_path', ..), as pg_dump writes it.
local function set_config(s, tree)
  for _, call in ipairs(query.scan(tree).calls) do
    local _, name = types.qualified(call.funcname)
    local args = name == "set_config" and text_arguments(call) or {}
    if args[1] == "search_path" then
      s.path = {}
      for word in (args[2] or ""):gmatch("[^,%s\"]+") do
        table.insert(s.path, word)
      end
    end
  end
end

function data.select(s, stmt)
  if stmt.intoClause then
    local plain = {}
    for k, v in pairs(stmt) do
      if k ~= "intoClause" then plain[k] = v end
    end
    tables.create_as(s, stmt.intoClause, { SelectStmt = plain }, "table")
    return
  end
  lock_sources(s, stmt)
  set_config(s, stmt)
  if not query.only_reads(s, stmt) then
    s:unknown("data_changed", "select",
              "a function that is called, or a WITH, may change anything")
  end
end

function data.lock(s, stmt)
  local modes = { "AccessShareLock", "RowShareLock", RX,
                  "ShareUpdateExclusiveLock", "ShareLock",
                  "ShareRowExclusiveLock", "ExclusiveLock",
                  "AccessExclusiveLock" }
  for _, node in ipairs(stmt.relations or {}) do
    local relation = s:relation(node.RangeVar)
    if relation then
      s:lock(relation, modes[stmt.mode] or "AccessExclusiveLock")
    end
  end
end

local function path_of(stmt)
  local out = {}
  for _, node in ipairs(stmt.args or {}) do
    local const = node.A_Const
    local text = const and const.sval and const.sval.sval or "?"
    if text ~= "$user" and text ~= '"$user"' and text ~= "" then
      out[#out + 1] = text
    end
  end
  return out
end

local function first_text(stmt)
  local const = stmt.args and stmt.args[1] and stmt.args[1].A_Const
  return const and const.sval and const.sval.sval
end

function data.set(s, stmt)
  local is_value = stmt.kind == "VAR_SET_VALUE"
  if stmt.kind == "VAR_RESET_ALL" then
    s.path, s.zone = s.home, nil
  elseif stmt.name == "search_path" then
    if stmt.is_local and not s.local_path then s.local_path = s.path end
    s.path = is_value and path_of(stmt) or s.home
  elseif stmt.name == "timezone" or stmt.name == "TimeZone" then
    local zone = first_text(stmt)
    s.zone = zone and zone:upper() or nil
  elseif stmt.name == "role" or stmt.name == "session_authorization" then
    s.owner = is_value and first_text(stmt) or "current_user"
  elseif stmt.name == "session_replication_role" then
    s:unknown("data_changed", stmt.name,
              "triggers and foreign keys may be passed over")
  end
end

local ends = { TRANS_STMT_COMMIT = true, TRANS_STMT_BEGIN = false,
               TRANS_STMT_START = false, TRANS_STMT_SAVEPOINT = false,
               TRANS_STMT_RELEASE = false }

function data.transaction(s, stmt)
  if ends[stmt.kind] == nil then
    s:unknown("transaction_control", "transaction",
              "statements may be taken back")
  elseif ends[stmt.kind] then
    s:end_transaction()
  end
end

function data.discard(s)
  s:end_file()
end

local function dynamic(object, text)
  return function(s) s:unknown("dynamic_sql", object, text) end
end
data.block = dynamic("DO block", "a block of code may do anything")
data.call = dynamic("CALL", "a procedure may do anything")
data.execute = dynamic("EXECUTE", "what was prepared is not known")

return data
