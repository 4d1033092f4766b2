-- luacheck: globals host migration
--- Parts of Alembic's operations in SQL: defaults, columns, constraints,
--- keys, indexes. Each function gives the SQL, or nil and what is not known.
--- Source: alembic/operations/ops.py, alembic/ddl/postgresql.py (1.8), and
--- sqlalchemy/schema.

local program = migration.program
local name, qualified = program.name, program.qualified

local parts = {}

--- The last part of what a call calls when it is SQLAlchemy's, or nil.
local function ours(scope, node)
  local path = scope:called(scope:resolve(node))
  return path and path:match "^sqlalchemy%..*$" and path:match "[^.]*$"
end
parts.ours = ours

--- sqlalchemy.text: a colon may be escaped; `:word` is a parameter.
function parts.plain_sql(text)
  local marked = text:gsub("::", "\1")
  if marked:find("%f[:\\]:[%a_]") then
    for before in marked:gmatch "(.?):[%a_]" do
      if before ~= "\\" and not before:match "[%w_]" then return nil end
    end
  end
  return (text:gsub("\\:", ":"))
end

--- The text of a node that is a text or sa.text(..), and the node of the
--- text. nil for other things.
function parts.sql_of(scope, node)
  local found = scope:resolve(node)
  local kind = ours(scope, found)
  if kind == "text" or kind == "literal_column" or kind == "DDL" then
    found = found.args[1]
  end
  local text, written = scope:text(found)
  if not text then return nil, "SQL that is not written as one text" end
  if kind ~= "literal_column" then
    text = parts.plain_sql(text)
    if not text then return nil, "SQL with parameters" end
  end
  return text, written, kind
end

local function func_call(scope, node, path)
  local args = {}
  for i, arg in ipairs(node.args) do
    local text, n = scope:text(arg), scope:number(arg)
    args[i] = text and program.literal(text) or n and tostring(n)
    if not args[i] then return nil, "a function's argument" end
  end
  local word = path:match "func%.(.*)$"
  if word == "current_timestamp" and #args == 0 then return word end
  return ("%s(%s)"):format(word, table.concat(args, ", "))
end

--- A server_default. nil, nil: none.
function parts.default(scope, node)
  local found = scope:resolve(node)
  if not found or scope:is_none(found) then return nil end
  local text = scope:text(found)
  if text then return program.literal(text) end
  local path = scope:called(found) or ""
  local kind = path:match "^sqlalchemy%." and path:match "[^.]*$"
  if path:match "^sqlalchemy.*%.func%.[%w_%.]+$" then
    return func_call(scope, found, path)
  end
  if kind == "text" or kind == "literal_column" then
    local sql, problem = parts.sql_of(scope, found)
    return sql, not sql and problem or nil
  end
  if kind == "true" or kind == "false" then return kind end
  if kind == "null" then return "NULL" end
  if kind == "FetchedValue" then return nil end
  return nil, "a server default that is not a text"
end

local action = { CASCADE = true, RESTRICT = true, ["SET NULL"] = true,
                 ["NO ACTION"] = true, ["SET DEFAULT"] = true }

--- " ON DELETE ..", deferrable and initially, of a call's keywords.
function parts.key_options(scope, kw)
  local out = ""
  for _, way in ipairs { "delete", "update" } do
    local node = kw["on" .. way]
    if node and not scope:is_none(node) then
      local text = (scope:text(node) or ""):upper()
      if not action[text] then return nil, "what happens on " .. way end
      out = out .. (" ON %s %s"):format(way:upper(), text)
    end
  end
  if kw.match and not scope:is_none(kw.match) then
    out = " MATCH " .. (scope:text(kw.match) or "?") .. out
  end
  return out .. parts.deferrable(scope, kw) ..
    (kw.postgresql_not_valid and scope:boolean(kw.postgresql_not_valid) and
     " NOT VALID" or "")
end

function parts.deferrable(scope, kw)
  local out = ""
  local can = kw.deferrable and scope:boolean(kw.deferrable)
  if can ~= nil then out = can and " DEFERRABLE" or " NOT DEFERRABLE" end
  local first = kw.initially and scope:text(kw.initially)
  return first and out .. " INITIALLY " .. first:upper() or out
end

--- "schema.table.column" or "table.column": REFERENCES ..
local function referred(texts)
  local tables, columns = nil, {}
  for i, text in ipairs(texts) do
    local of, column = text:match "^(.+)%.([^.]+)$"
    if not of or (tables and tables ~= of) then return nil end
    tables, columns[i] = of, column
  end
  if not tables then return nil end
  local schema, short = tables:match "^(.+)%.([^.]+)$"
  return ("REFERENCES %s (%s)"):format(qualified(schema, short or tables),
                                       program.names(columns))
end

local function named(scope, node)
  if not node or scope:is_none(node) then return "" end
  local text = parts.identifier(scope, node)
  if not text then return nil end
  return "CONSTRAINT " .. name(text) .. " "
end

--- A name: a text, or op.f(text).
function parts.identifier(scope, node)
  local found = scope:resolve(node)
  if found and found.k == "call" and found.f.k == "attr" and
    found.f.v == "f" then
    return scope:text(found.args[1])
  end
  return scope:text(found)
end

--- The column's own REFERENCES clause, as a constraint of the table.
function parts.foreign_key(scope, call, columns)
  local target = scope:text(call.args[1] or call.kw.column)
  local refers = target and referred { target }
  if not refers then return nil, "the column a key refers to" end
  local options, problem = parts.key_options(scope, call.kw)
  local prefix = named(scope, call.kw.name)
  if not options or not prefix then return nil, problem or "a key's name" end
  return ("%sFOREIGN KEY (%s) %s%s"):format(prefix, program.names(columns),
                                            refers, options)
end

local constraint = {}

function constraint.PrimaryKeyConstraint(scope, call)
  local columns = scope:texts { k = "list", table.unpack(call.args) }
  if not columns then return nil, "a key's columns" end
  return "PRIMARY KEY (" .. program.names(columns) .. ")"
end

function constraint.UniqueConstraint(scope, call)
  local columns = scope:texts { k = "list", table.unpack(call.args) }
  if not columns then return nil, "a constraint's columns" end
  local nulls = call.kw.postgresql_nulls_not_distinct
  return ("UNIQUE %s(%s)"):format(nulls and scope:boolean(nulls) and
    "NULLS NOT DISTINCT " or "", program.names(columns))
end

function constraint.CheckConstraint(scope, call)
  local text, problem = parts.sql_of(scope, call.args[1] or call.kw.sqltext)
  if not text then return nil, problem end
  return "CHECK (" .. text .. ")"
end

function constraint.ForeignKeyConstraint(scope, call)
  local columns = scope:texts(call.args[1] or call.kw.columns)
  local targets = scope:texts(call.args[2] or call.kw.refcolumns)
  local refers = targets and referred(targets)
  if not columns or not refers then return nil, "a foreign key's columns" end
  return ("FOREIGN KEY (%s) %s"):format(program.names(columns), refers)
end

--- A table's constraint given as sa.UniqueConstraint(..) and its like.
--- Returns SQL, kind, columns; nothing when the call is none of them.
function parts.constraint(scope, call)
  local kind = ours(scope, call)
  local make = kind and constraint[kind]
  if not make then return false end
  if call.star then return nil, "a constraint with arguments from elsewhere" end
  local sql, problem = make(scope, call)
  local at_name = call.kw.name
  if kind == "ForeignKeyConstraint" then at_name = at_name or call.args[3] end
  local prefix = named(scope, at_name)
  if not sql or not prefix then return nil, problem or "a name" end
  local options, odd = parts.key_options(scope, call.kw)
  if not options then return nil, odd end
  return prefix .. sql .. options, kind
end

local function index_item(scope, node, ops)
  local text = scope:text(node)
  if text then
    local class = ops and ops[text]
    return name(text) .. (class and " " .. class or "")
  end
  local found = scope:resolve(node)
  local path = scope:called(found) or ""
  if path:match "^sqlalchemy" then
    local kind = path:match "[^.]*$"
    if kind == "text" or kind == "literal_column" then
      local sql, problem = parts.sql_of(scope, found)
      if not sql then return nil, problem end
      -- an expression, unless it is a column, or in parentheses already
      return sql
    end
    if kind == "column" then return name(scope:text(found.args[1]) or "?") end
  end
  return nil, "an expression of an index"
end

local function operator_classes(scope, node)
  local found, out = node and scope:resolve(node), {}
  for _, pair in ipairs(found and found.k == "dict" and found or {}) do
    local key, value = scope:text(pair[1]), scope:text(pair[2])
    if key and value then out[key] = value end
  end
  return out
end

--- What stands behind the table of CREATE INDEX, from columns and keywords.
function parts.index_tail(scope, columns, kw)
  local items = scope:text(columns) and { columns } or scope:list(columns)
  if not items then return nil, "an index's columns" end
  local ops, out = operator_classes(scope, kw.postgresql_ops), {}
  for i, node in ipairs(items) do
    local problem
    out[i], problem = index_item(scope, node, ops)
    if not out[i] then return nil, problem end
  end
  local using = kw.postgresql_using and scope:text(kw.postgresql_using)
  local tail = ("%s(%s)"):format(using and "USING " .. using .. " " or "",
                                 table.concat(out, ", "))
  local include = kw.postgresql_include and scope:texts(kw.postgresql_include)
  if include then
    tail = tail .. " INCLUDE (" .. program.names(include) .. ")"
  elseif kw.postgresql_include then
    return nil, "an index's included columns"
  end
  if kw.postgresql_nulls_not_distinct and
    scope:boolean(kw.postgresql_nulls_not_distinct) then
    tail = tail .. " NULLS NOT DISTINCT"
  end
  if kw.postgresql_where and not scope:is_none(kw.postgresql_where) then
    local where, problem = parts.sql_of(scope, kw.postgresql_where)
    if not where then return nil, problem end
    tail = tail .. " WHERE " .. where
  end
  return tail
end

return parts
