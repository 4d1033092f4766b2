-- luacheck: globals host migration
--- A file as statements: cut, parsed, and described for the reply. One bad
--- statement makes the file unknown; the others are still read.

local cut = migration.cut

local read = {}

local WITH_TEXT = 20000 -- so many statements carry their text
local TEXT_BYTES = 200

--- Kinds as people say them, where the tree's name is not it.
local spoken = { CreateStmt = "create table", IndexStmt = "create index",
                 ViewStmt = "create view", DropStmt = "drop",
                 RenameStmt = "rename", CreateTrigStmt = "create trigger",
                 RuleStmt = "create rule", CreateSeqStmt = "create sequence",
                 AlterSeqStmt = "alter sequence", DoStmt = "do",
                 VariableSetStmt = "set", VacuumStmt = "vacuum" }

local function kind_text(kind)
  if not spoken[kind] then
    local words = kind:gsub("Stmt$", ""):gsub("(%l)(%u)", "%1 %2")
    spoken[kind] = words:lower()
  end
  return spoken[kind]
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
read.excerpt = excerpt

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

--- A statement that is not understood: {line, code, message}.
local function add_unknown(out, code, message, line, object)
  out.parts[#out.parts + 1] = { at = 0, bytes = 0, line = line or 1, sql = "",
                                unknown = message, code = code,
                                object = object }
end

local function problem(out, code, message)
  out.entry.parsed, out.entry.error = false, message
  add_unknown(out, code, message, nil, out.entry.name)
end

--- psql's commands and rows are looked for only where the parser stumbles.
local function statements(out, text)
  local parts, message = cut.statements(text)
  if message and text:find("\\", 1, true) then
    local plain, odd = cut.psql(text)
    if plain ~= text then
      parts, message = cut.statements(plain)
      for _, one in ipairs(odd) do
        add_unknown(out, "dynamic_sql", "psql's own command", one.line,
                    one.text)
      end
    end
  end
  if message then problem(out, "unparsable", message) end
  table.move(parts, 1, #parts, #out.parts + 1, out.parts)
end

--- An item of a program (Alembic, Django, Rails), which may be several
--- statements. Only its line is a place in the file.
local function add_item(out, item)
  if item.unknown then
    add_unknown(out, item.code or "dynamic_sql", item.unknown, item.line,
                out.entry.name)
    out.refuses = out.refuses or item.refuses
    return
  end
  local parts, message = cut.statements(item.sql)
  if message then
    problem(out, "unparsable", ("line %d: %s"):format(item.line, message))
  end
  for _, part in ipairs(parts) do
    part.line = item.sql_line and item.sql_line + part.line - 1 or item.line
    part.at, part.bytes, part.alone = 0, 0, item.alone
    part.unless_type, part.assumes = item.unless_type, item.assumes
    out.parts[#out.parts + 1] = part
  end
end

local function program(out, file, text, programs)
  local name = (file.below and file.below .. "/" or "") .. file.name
  local items = migration.programs.translate(out.entry.format, text,
                                             file.direction or "up", programs,
                                             name)
  if items.transaction == false then out.entry.transaction = false end
  for _, item in ipairs(items) do add_item(out, item) end
end

local function plain(out, file, text)
  local trouble
  text = text:gsub("^\u{FEFF}", "   ")
  text, out.entry.transaction, trouble =
    cut.section(text, out.entry.format, file.direction or "up")
  if trouble then problem(out, "uncut", trouble) end
  statements(out, text)
end

--- The file's entry of the reply, and its parts: statements
--- {line, at, bytes, sql, stmt} and what is not understood {line, code,
--- unknown}. programs: what the files of programs before it have told.
function read.file(file, programs)
  local text = file.text or host.text(file.at, file.bytes)
  local out = { parts = {}, entry = { name = file.name, parsed = true,
                                      transaction = true } }
  local ok, trouble = readable(text)
  if not ok then
    problem(out, "unparsable", trouble)
    return out.entry, out.parts, false
  end
  local format = file.format or "plain"
  if format == "auto" then format = cut.detect(text) end
  out.entry.format = format
  if migration.programs and migration.programs.knows(format) then
    program(out, file, text, programs)
  else
    plain(out, file, text)
  end
  return out.entry, out.parts, out.refuses or false
end

local count = 0

--- What the reply says of a part: its kind, and the tree for apply.
function read.describe(part, want_text)
  local out = { line = part.line, at = part.at, bytes = part.bytes,
                transaction = true }
  local stmt, message = part.stmt, nil
  if part.unknown then
    out.kind = "unparsable"
  else
    if not stmt then
      local parsed
      parsed, message = host.parse(part.sql)
      stmt = parsed and parsed.stmts and parsed.stmts[1] and
        parsed.stmts[1].stmt
    end
    if stmt then
      local kind, tree = next(stmt)
      part.kind, part.tree = kind, tree
      out.kind = kind_text(kind)
      out.transaction = in_transaction(kind, tree)
    else
      out.kind = "unparsable"
      part.code = "unparsable"
      part.unknown = message or "there is no statement in it"
      part.object = excerpt(part.sql):sub(1, 40)
    end
  end
  if part.alone then out.transaction = false end
  count = count + 1
  if count <= WITH_TEXT then out.text = excerpt(part.sql) end
  if want_text then out.sql = part.sql end
  return out
end

return read
