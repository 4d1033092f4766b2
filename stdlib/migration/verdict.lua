-- luacheck: globals host migration
--- Statements judged one by one, without a catalog.

local cut, world, rules = migration.cut, migration.world, migration.rules

local MAX_STATEMENTS = 4000 -- in one reply
local WITH_TEXT = 1000      -- so many carry their text unasked
local TEXT_BYTES = 200

--- Kinds as people say them, where the tree's name is not it.
local spoken = { CreateStmt = "create table", IndexStmt = "create index",
                 ViewStmt = "create view", DropStmt = "drop",
                 RenameStmt = "rename", CreateTrigStmt = "create trigger",
                 RuleStmt = "create rule", CreateSeqStmt = "create sequence",
                 AlterSeqStmt = "alter sequence", DoStmt = "do",
                 VariableSetStmt = "set", VacuumStmt = "vacuum" }

local function kind_text(kind)
  if spoken[kind] then return spoken[kind] end
  local words = kind:gsub("Stmt$", ""):gsub("(%l)(%u)", "%1 %2")
  return words:lower()
end

local own_transaction = {
  TransactionStmt = true, CreatedbStmt = true, DropdbStmt = true,
  AlterSystemStmt = true, CreateTableSpaceStmt = true,
  DropTableSpaceStmt = true, CreateSubscriptionStmt = true,
  DropSubscriptionStmt = true,
}

local function has_option(list, name)
  for _, node in ipairs(list or {}) do
    if node.DefElem and node.DefElem.defname == name then return true end
  end
  return false
end

local function detaches_concurrently(stmt)
  for _, node in ipairs(stmt.cmds or {}) do
    local def = node.AlterTableCmd.def
    if def and def.PartitionCmd and def.PartitionCmd.concurrent then
      return true
    end
  end
  return false
end

--- Whether PostgreSQL runs the statement inside a transaction block: the
--- pages of the statements say "cannot be executed inside a transaction
--- block".
local function in_transaction(kind, stmt)
  if own_transaction[kind] then return false end
  if kind == "IndexStmt" or kind == "DropStmt" then
    return not stmt.concurrent
  end
  if kind == "ReindexStmt" then
    return not has_option(stmt.params, "concurrently") and
      (stmt.kind == "REINDEX_OBJECT_TABLE" or
       stmt.kind == "REINDEX_OBJECT_INDEX")
  end
  if kind == "VacuumStmt" then return not stmt.is_vacuumcmd end
  if kind == "ClusterStmt" then return stmt.relation ~= nil end
  if kind == "AlterTableStmt" then return not detaches_concurrently(stmt) end
  return true
end

--- The first bytes of a text, whole characters only, in one line.
local function excerpt(sql)
  local text = sql:sub(1, TEXT_BYTES)
  if #sql > TEXT_BYTES then
    local last = utf8.offset(text, -1)
    if last and not utf8.len(text) then text = text:sub(1, last - 1) end
  end
  return (text:gsub("%s+", " "))
end

local function parse(part, state)
  local parsed, message = host.parse(part.sql)
  local node = parsed and parsed.stmts and parsed.stmts[1]
  if not node then
    state:find { level = "unknown", code = "unparsable",
                 object = excerpt(part.sql):sub(1, 40),
                 text = message or "there is no statement in it" }
    return "unparsable", true
  end
  local kind, stmt = next(node.stmt)
  rules.apply(state, kind, stmt)
  return kind_text(kind), in_transaction(kind, stmt)
end

local function judge_statement(part, state, count, want_text)
  local entry = { line = part.line, at = part.at, bytes = part.bytes }
  state.statement = entry
  entry.kind, entry.transaction = parse(part, state)
  if count <= WITH_TEXT then entry.text = excerpt(part.sql) end
  if want_text then entry.sql = part.sql end
  return entry
end

local function file_problem(entry, state, code, text)
  entry.parsed = false
  entry.error = text
  state.statement = entry
  state:find { level = "unknown", code = code, object = entry.name,
               text = text }
end

local function readable(text)
  if text:find("\0", 1, true) then
    return nil, "the file holds a zero byte, which would hide what follows"
  end
  local ok, at = utf8.len(text)
  if not ok then
    return nil, ("line %d: the file is not UTF-8"):format(
      cut.line_of(text, at))
  end
  return true
end

local function judge_file(file, text, state, totals, want_text)
  local entry = { name = file.name, parsed = true, transaction = true,
                  statements = host.list() }
  local format = file.format or "plain"
  local ok, problem = readable(text)
  if not ok then
    file_problem(entry, state, "unparsable", problem)
    return entry
  end
  if format == "auto" then format = cut.detect(text) end
  entry.format = format
  text = text:gsub("^\u{FEFF}", "   ")
  text, entry.transaction, problem = cut.section(text, format,
                                                 file.direction or "up")
  if problem then file_problem(entry, state, "uncut", problem) end
  local parts, message = cut.statements(text)
  if message then file_problem(entry, state, "unparsable", message) end
  totals.statements = totals.statements + #parts
  if totals.statements > MAX_STATEMENTS then
    error(("more than %d statements: ask for fewer files at a time"):format(
      MAX_STATEMENTS), 0)
  end
  for i, part in ipairs(parts) do
    local one = judge_statement(part, state, totals.statements - #parts + i,
                                want_text)
    entry.transaction = entry.transaction and one.transaction
    entry.statements[i] = one
  end
  state:end_session()
  return entry
end

--- Hand out what was found, once all of it is known.
local function settle(entry, by_statement)
  local found = by_statement[entry] or {}
  local verdict, reasons, cautions = world.weigh(found)
  entry.verdict = verdict
  if #reasons > 0 then entry.reasons = reasons end
  if #cautions > 0 then entry.cautions = cautions end
  return verdict
end

local function settle_all(files, state)
  local by_statement, verdict = {}, "compatible"
  for _, f in ipairs(state.findings) do
    by_statement[f.statement] = by_statement[f.statement] or {}
    table.insert(by_statement[f.statement], f)
  end
  for _, file in ipairs(files) do
    local worst = settle(file, by_statement)
    for _, statement in ipairs(file.statements) do
      worst = world.worse(worst, settle(statement, by_statement))
    end
    file.verdict = worst
    verdict = world.worse(verdict, worst)
  end
  return verdict
end

--- files: {name, text, format, direction}. One net change.
return function(files_in, want_text)
  local state, totals = world.new(), { statements = 0 }
  local files = host.list()
  for i, file in ipairs(files_in) do
    files[i] = judge_file(file, file.text, state, totals, want_text)
  end
  local verdict = settle_all(files, state)
  return { verdict = #files > 0 and verdict or "none", files = files,
           statements = totals.statements }
end
