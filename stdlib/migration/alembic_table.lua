-- luacheck: globals host migration
--- Alembic's tables and columns in SQL: sa.Column(..) with all that may stand
--- in it, CREATE TABLE, and what follows it (indexes, comments).

local program, types = migration.program, migration.alembic_types
local parts = migration.alembic_parts
local name, qualified = program.name, program.qualified

local tables = {}

--- What a column may be given that changes nothing in the database, or is
--- read elsewhere.
local harmless = {}
for word in ([[default onupdate server_onupdate info doc quote key nullable
  primary_key unique index server_default autoincrement comment name type_
  insert_default sort_order]]):gmatch "%S+" do harmless[word] = true end

local serials = { integer = "serial", bigint = "bigserial",
                  smallint = "smallserial" }

local function number_option(scope, kw, key, word)
  local n = kw[key] and scope:number(kw[key])
  return n and (" %s %d"):format(word, n) or ""
end

local function identity(scope, call)
  local always = call.kw.always and scope:boolean(call.kw.always)
  local options = number_option(scope, call.kw, "start", "START WITH") ..
    number_option(scope, call.kw, "increment", "INCREMENT BY") ..
    number_option(scope, call.kw, "minvalue", "MINVALUE") ..
    number_option(scope, call.kw, "maxvalue", "MAXVALUE") ..
    (call.kw.cycle and scope:boolean(call.kw.cycle) and " CYCLE" or "")
  return (" GENERATED %s AS IDENTITY%s"):format(
    always and "ALWAYS" or "BY DEFAULT",
    options ~= "" and " (" .. options:sub(2) .. ")" or "")
end

local extra = {}

function extra.Identity(scope, call, column)
  column.generated = identity(scope, call)
  column.not_null = true
end

function extra.Computed(scope, call, column)
  local text, problem = parts.sql_of(scope, call.args[1] or call.kw.sqltext)
  if not text then return problem end
  column.generated = " GENERATED ALWAYS AS (" .. text .. ") STORED"
end

function extra.ForeignKey(scope, call, column)
  local sql, problem = parts.foreign_key(scope, call, { column.name })
  if not sql then return problem end
  column.keys[#column.keys + 1] = sql
end

function extra.CheckConstraint(scope, call, column)
  local sql, problem = parts.constraint(scope, call)
  if not sql then return problem end
  column.checks[#column.checks + 1] = sql
end

function extra.Sequence() end -- used by SQLAlchemy, not by a default

--- What stands behind a column's name, in any order: its type comes first.
--- Returns the problem, or nothing.
local function column_arguments(scope, call, column)
  local type_node = call.kw.type_
  for i = call.kw.name and 1 or 2, #call.args do
    local node = call.args[i]
    local kind = parts.ours(scope, node)
    if kind and extra[kind] then
      local problem = extra[kind](scope, scope:resolve(node), column)
      if problem then return problem end
    elseif type_node then
      return "an argument of the column " .. column.name
    else
      type_node = node
    end
  end
  if not type_node then
    return "the type of the column " .. column.name .. " is not written"
  end
  local problem
  column.type, problem = types.of(scope, type_node)
  if not column.type then return problem end
  column.enum = problem
end

local function column_keywords(scope, kw, column)
  local function flag(key)
    if not kw[key] or scope:is_none(kw[key]) then return nil end
    return scope:boolean(kw[key]), scope:boolean(kw[key]) == nil
  end
  column.primary = flag "primary_key"
  column.unique = flag "unique"
  column.index = flag "index"
  local nullable, odd = flag "nullable"
  if odd then return "whether " .. column.name .. " is nullable" end
  if nullable == nil then nullable = not column.primary end
  column.not_null = column.not_null or not nullable
  column.autoincrement = flag "autoincrement"
  local default = kw.server_default and scope:resolve(kw.server_default)
  local kind = default and parts.ours(scope, default)
  if kind == "Identity" or kind == "Computed" then
    return extra[kind](scope, default, column)
  end
  local problem
  column.default, problem = parts.default(scope, default)
  if problem then return problem end
  column.comment = kw.comment and scope:text(kw.comment)
end

--- A column as a table, or nil and what is not known.
function tables.column(scope, node)
  local call = scope:resolve(node)
  if parts.ours(scope, call) ~= "Column" or call.star then
    return nil, "a column that is not written as Column(..)"
  end
  local text = scope:text(call.kw.name or call.args[1])
  if not text then return nil, "a column's name" end
  for key in pairs(call.kw) do
    if not harmless[key] then return nil, "a column's option " .. key end
  end
  local column = { name = text, keys = {}, checks = {} }
  local problem = column_arguments(scope, call, column) or
    column_keywords(scope, call.kw, column)
  if problem then return nil, problem end
  return column
end

--- The column's definition, without the constraints of the table.
function tables.definition(column, is_serial)
  local kind = is_serial and serials[column.type] or column.type
  local sql = name(column.name) .. " " .. kind
  if column.default then sql = sql .. " DEFAULT " .. column.default end
  if column.generated then sql = sql .. column.generated end
  if column.not_null then sql = sql .. " NOT NULL" end
  for _, check in ipairs(column.checks) do sql = sql .. " " .. check end
  return sql
end

--- The type must be there before the table: CREATE TYPE, which SQLAlchemy
--- leaves out where it finds one of the name.
function tables.create_type(out, line, enum, table_schema)
  if not enum or enum.kept then return end
  local schema = enum.schema or enum.inherits and table_schema or nil
  if not enum.labels then
    out:unknown(line, "the labels of the enum " .. enum.enum ..
      " are not written here")
    return
  end
  local labels = {}
  for i, label in ipairs(enum.labels) do
    labels[i] = program.literal(label)
  end
  out:sql(line, ("CREATE TYPE %s AS ENUM (%s)"):format(
    qualified(schema, enum.enum), table.concat(labels, ", ")),
    { unless_type = { schema = schema, name = enum.enum } })
end

local function index_name(table_name, column)
  return ("ix_%s_%s"):format(table_name, column)
end

--- What SQLAlchemy says behind the table or the column: indexes, comments.
function tables.after(out, line, target, schema, table_name, column)
  if column.index then
    out:sql(line, ("CREATE %sINDEX %s ON %s (%s)"):format(
      column.unique and "UNIQUE " or "",
      name(index_name(table_name, column.name)), target, name(column.name)))
  end
  if column.comment then
    out:sql(line, ("COMMENT ON COLUMN %s.%s IS %s"):format(
      qualified(schema, table_name), name(column.name),
      program.literal(column.comment)))
  end
end

--- The one column of an integer key without a default counts up by itself.
local function serial_column(columns, keys)
  if #keys ~= 1 then
    for _, column in ipairs(columns) do
      if column.primary and column.autoincrement then return column end
    end
    return nil
  end
  for _, column in ipairs(columns) do
    if column.name == keys[1] and #column.keys == 0 and not column.default and
      not column.generated and column.autoincrement ~= false and
      serials[column.type] then
      return column
    end
  end
end

local function collect(scope, args, first)
  local found = { columns = {}, constraints = {}, indexes = {}, keys = {} }
  for i = first, #args do
    local call = scope:resolve(args[i])
    local sql, kind = parts.constraint(scope, call)
    if sql then
      found.constraints[#found.constraints + 1] = sql
      if kind == "PrimaryKeyConstraint" then
        found.has_key = true
        for _, node in ipairs(call.args) do
          found.keys[#found.keys + 1] = scope:text(node)
        end
      end
    elseif sql == nil then
      return nil, kind
    elseif parts.ours(scope, call) == "Index" then
      found.indexes[#found.indexes + 1] = call
    else
      local column, problem = tables.column(scope, call)
      if not column then return nil, problem end
      found.columns[#found.columns + 1] = column
    end
  end
  return found
end

local function key_of_columns(found)
  if found.has_key then return nil end
  for _, column in ipairs(found.columns) do
    if column.primary then found.keys[#found.keys + 1] = column.name end
  end
  if #found.keys == 0 then return nil end
  return "PRIMARY KEY (" .. program.names(found.keys) .. ")"
end

local function body_of(found)
  local lines = {}
  local key = key_of_columns(found)
  local serial = serial_column(found.columns, found.keys)
  for _, column in ipairs(found.columns) do
    for _, text in ipairs(found.keys) do
      column.not_null = column.not_null or text == column.name
    end
    lines[#lines + 1] = tables.definition(column, column == serial)
  end
  lines[#lines + 1] = key
  for _, sql in ipairs(found.constraints) do lines[#lines + 1] = sql end
  for _, column in ipairs(found.columns) do
    for _, sql in ipairs(column.keys) do lines[#lines + 1] = sql end
    if column.unique and not column.index then
      lines[#lines + 1] = "UNIQUE (" .. name(column.name) .. ")"
    end
  end
  return table.concat(lines, ",\n  ")
end

local function own_index(scope, out, line, target, call)
  local text = scope:text(call.args[1])
  local tail, problem = parts.index_tail(scope, {
    k = "list", table.unpack(call.args, 2) }, call.kw)
  if not text or not tail then
    return out:unknown(line, problem or "an index without a name")
  end
  local unique = call.kw.unique and scope:boolean(call.kw.unique)
  out:sql(line, ("CREATE %sINDEX %s ON %s %s"):format(
    unique and "UNIQUE " or "", name(text), target, tail))
end

--- CREATE TABLE and all that belongs to it. Returns the problem, or nothing.
function tables.create(scope, out, line, call)
  local table_name = scope:text(call.args[1])
  local schema = call.kw.schema and scope:text(call.kw.schema)
  local found, problem = collect(scope, call.args, 2)
  if not table_name or not found then
    return problem or "a table without a name"
  end
  local target = qualified(schema, table_name)
  for _, column in ipairs(found.columns) do
    tables.create_type(out, line, column.enum, schema)
  end
  local by = call.kw.postgresql_partition_by and
    scope:text(call.kw.postgresql_partition_by)
  local missing = call.kw.if_not_exists and
    scope:boolean(call.kw.if_not_exists)
  out:sql(line, ("CREATE TABLE %s%s (\n  %s\n)%s"):format(
    missing and "IF NOT EXISTS " or "", target, body_of(found),
    by and " PARTITION BY " .. by or ""))
  for _, column in ipairs(found.columns) do
    tables.after(out, line, target, schema, table_name, column)
  end
  for _, index in ipairs(found.indexes) do
    own_index(scope, out, line, target, index)
  end
  local comment = call.kw.comment and scope:text(call.kw.comment)
  if comment then
    out:sql(line, ("COMMENT ON TABLE %s IS %s"):format(target,
      program.literal(comment)))
  end
end

return tables
