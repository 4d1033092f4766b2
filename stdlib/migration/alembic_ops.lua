-- luacheck: globals host migration
--- Alembic's operations: one function each, by their names under `op`.
--- Source: https://alembic.sqlalchemy.org/en/latest/ops.html
---
--- A function gets a context {scope, out, line, call, table, schema}: table
--- and schema are the batch's, when the operation is one of a batch; its
--- arguments are then counted without the table. It returns what it did not
--- understand, or nothing.

local program, types = migration.program, migration.alembic_types
local parts, tables = migration.alembic_parts, migration.alembic_table
local name, qualified = program.name, program.qualified

local ops = {}

--- Keywords that tell Alembic what it need not know for PostgreSQL.
local function foreign_keyword(key)
  return key:match "^existing_" or key:match "^sqlite_" or
    key:match "^mysql_" or key:match "^mssql_" or key:match "^oracle_" or
    key:match "^mariadb_" or key == "info" or key == "quote" or
    key == "insert_before" or key == "insert_after"
end

local function known_keywords(list)
  local set = {}
  for word in list:gmatch "%S+" do set[word] = true end
  return set
end

local postgres_index = [[postgresql_where postgresql_using
  postgresql_include postgresql_ops postgresql_with postgresql_tablespace
  postgresql_concurrently postgresql_nulls_not_distinct unique schema
  if_not_exists columns index_name table_name]]
local key_words = "ondelete onupdate deferrable initially match schema " ..
  "source_schema referent_schema postgresql_not_valid"

--- The argument at a place, or under one of its names.
local function argument(c, place, ...)
  local call = c.call
  if c.table then place = place - 1 end
  for _, key in ipairs { ... } do
    if call.kw[key] then return call.kw[key] end
  end
  return call.args[place]
end

--- The table: the batch's, or the argument at a place. Names then count one
--- less behind it.
local function target(c, place, ...)
  if c.table then return qualified(c.schema, c.table), c.table end
  local node = c.call.args[place]
  for _, key in ipairs { ... } do node = c.call.kw[key] or node end
  local text = c.scope:text(node)
  if not text then return nil end
  local schema = c.call.kw.schema or c.call.kw.source_schema
  local in_schema = schema and c.scope:text(schema)
  if schema and not in_schema and not c.scope:is_none(schema) then
    return nil
  end
  return qualified(in_schema, text), text, in_schema
end

local function flag(c, key)
  return c.call.kw[key] ~= nil and c.scope:boolean(c.call.kw[key]) == true
end

local function option(c, key, words)
  return flag(c, key) and words or ""
end

local keywords = {}

function ops.create_table(c)
  return tables.create(c.scope, c.out, c.line, c.call)
end
keywords.create_table = known_keywords [[schema comment if_not_exists
  postgresql_partition_by postgresql_with postgresql_tablespace prefixes
  keep_existing]]

function ops.drop_table(c)
  local sql = target(c, 1, "table_name")
  if not sql then return "the table's name" end
  c.out:sql(c.line, ("DROP TABLE %s%s"):format(
    option(c, "if_exists", "IF EXISTS "), sql))
end
keywords.drop_table = known_keywords "schema if_exists table_name"

function ops.rename_table(c)
  local sql = target(c, 1, "old_table_name")
  local to = c.scope:text(argument(c, 2, "new_table_name"))
  if not sql or not to then return "a table's name" end
  c.out:sql(c.line, ("ALTER TABLE %s RENAME TO %s"):format(sql, name(to)))
end
keywords.rename_table = known_keywords
  "schema old_table_name new_table_name"

function ops.add_column(c)
  local sql, table_name, schema = target(c, 1, "table_name")
  local column, problem = tables.column(c.scope, argument(c, 2, "column"))
  if not sql or not column then return problem or "the table's name" end
  c.out:sql(c.line, ("ALTER TABLE %s ADD COLUMN %s%s"):format(sql,
    option(c, "if_not_exists", "IF NOT EXISTS "),
    tables.definition(column)))
  if column.primary then
    c.out:sql(c.line, ("ALTER TABLE %s ADD PRIMARY KEY (%s)"):format(sql,
      name(column.name)))
  end
  for _, key in ipairs(column.keys) do
    c.out:sql(c.line, ("ALTER TABLE %s ADD %s"):format(sql, key))
  end
  if column.unique and not column.index then
    c.out:sql(c.line, ("ALTER TABLE %s ADD UNIQUE (%s)"):format(sql,
      name(column.name)))
  end
  tables.after(c.out, c.line, sql, c.schema or schema, table_name, column)
end
keywords.add_column = known_keywords "schema if_not_exists column table_name"

function ops.drop_column(c)
  local sql = target(c, 1, "table_name")
  local column = c.scope:text(argument(c, 2, "column_name"))
  if not sql or not column then return "a column's name" end
  c.out:sql(c.line, ("ALTER TABLE %s DROP COLUMN %s%s"):format(sql,
    option(c, "if_exists", "IF EXISTS "), name(column)))
end
keywords.drop_column = known_keywords
  "schema if_exists column_name table_name"

local function alter_type(c, alter)
  local kind, problem = types.of(c.scope, c.call.kw.type_)
  if not kind then return problem end
  local using = c.call.kw.postgresql_using
  local text = using and c.scope:text(using)
  if using and not text and not c.scope:is_none(using) then
    return "the expression of postgresql_using"
  end
  c.out:sql(c.line, ("%s TYPE %s%s"):format(alter, kind,
    text and " USING " .. text or ""))
end

local function alter_nullable(c, alter)
  local nullable = c.scope:boolean(c.call.kw.nullable)
  if nullable == nil then return "whether the column is nullable" end
  c.out:sql(c.line, ("%s %s NOT NULL"):format(alter,
    nullable and "DROP" or "SET"))
end

local function alter_default(c, alter)
  local node = c.call.kw.server_default
  if c.scope:boolean(node) == false then return end
  local kind = parts.ours(c.scope, node)
  if kind == "Identity" or kind == "Computed" then
    return "a change of " .. kind
  end
  local default, problem = parts.default(c.scope, node)
  if problem then return problem end
  c.out:sql(c.line, default and ("%s SET DEFAULT %s"):format(alter, default)
    or alter .. " DROP DEFAULT")
end

local function alter_comment(c, sql, column)
  local text = c.scope:text(c.call.kw.comment)
  if not text and not c.scope:is_none(c.call.kw.comment) then return end
  c.out:sql(c.line, ("COMMENT ON COLUMN %s.%s IS %s"):format(sql,
    name(column), text and program.literal(text) or "NULL"))
end

function ops.alter_column(c)
  local sql = target(c, 1, "table_name")
  local column = c.scope:text(argument(c, 2, "column_name"))
  if not sql or not column then return "a column's name" end
  local alter = ("ALTER TABLE %s ALTER COLUMN %s"):format(sql, name(column))
  local kw, problem = c.call.kw, nil
  if kw.type_ and not c.scope:is_none(kw.type_) then
    problem = alter_type(c, alter)
  end
  if kw.nullable and not c.scope:is_none(kw.nullable) then
    problem = alter_nullable(c, alter) or problem
  end
  if kw.server_default then problem = alter_default(c, alter) or problem end
  if kw.comment then alter_comment(c, sql, column) end
  local to = kw.new_column_name or kw.name
  if to and not c.scope:is_none(to) then
    local text = c.scope:text(to)
    if not text then return "a column's new name" end
    c.out:sql(c.line, ("ALTER TABLE %s RENAME COLUMN %s TO %s"):format(sql,
      name(column), name(text)))
  end
  return problem
end
keywords.alter_column = known_keywords [[nullable comment server_default
  new_column_name name type_ autoincrement schema postgresql_using
  table_name column_name]]

function ops.create_index(c)
  local sql = target(c, 2, "table_name")
  local place = c.table and 3 or 3
  local at = c.table and c.call.args[1] or c.call.args[1]
  local text = parts.identifier(c.scope, c.call.kw.index_name or at)
  local tail, problem = parts.index_tail(c.scope,
    argument(c, place, "columns"), c.call.kw)
  if not sql or not text or not tail then
    return problem or "an index's name"
  end
  c.out:sql(c.line, ("CREATE %sINDEX %s%s%s ON %s %s"):format(
    option(c, "unique", "UNIQUE "),
    option(c, "postgresql_concurrently", "CONCURRENTLY "),
    option(c, "if_not_exists", "IF NOT EXISTS "), name(text), sql, tail))
end
keywords.create_index = known_keywords(postgres_index)

function ops.drop_index(c)
  local text = parts.identifier(c.scope,
                                c.call.kw.index_name or c.call.args[1])
  local schema = c.schema or
    c.call.kw.schema and c.scope:text(c.call.kw.schema)
  if not text then return "an index's name" end
  c.out:sql(c.line, ("DROP INDEX %s%s%s"):format(
    option(c, "postgresql_concurrently", "CONCURRENTLY "),
    option(c, "if_exists", "IF EXISTS "), qualified(schema, text)))
end
keywords.drop_index = known_keywords(postgres_index .. " if_exists")

--- "ADD CONSTRAINT name ": without a name PostgreSQL (or a naming
--- convention that is not in this file) makes one.
local function add(c, sql, body)
  local node = c.call.kw.constraint_name or c.call.kw.name or c.call.args[1]
  local prefix = ""
  if node and not c.scope:is_none(node) then
    local text = parts.identifier(c.scope, node)
    if not text then return "a constraint's name" end
    prefix = "CONSTRAINT " .. name(text) .. " "
  end
  c.out:sql(c.line, ("ALTER TABLE %s ADD %s%s"):format(sql, prefix, body))
end

function ops.create_unique_constraint(c)
  local sql = target(c, 2, "table_name", "source")
  local columns = c.scope:texts(argument(c, 3, "columns", "local_cols"))
  if not sql or not columns then return "a constraint's columns" end
  return add(c, sql, ("UNIQUE %s(%s)%s"):format(
    option(c, "postgresql_nulls_not_distinct", "NULLS NOT DISTINCT "),
    program.names(columns), parts.deferrable(c.scope, c.call.kw)))
end
keywords.create_unique_constraint = known_keywords [[schema deferrable
  initially columns local_cols table_name source constraint_name name
  postgresql_nulls_not_distinct]]

function ops.create_primary_key(c)
  local sql = target(c, 2, "table_name")
  local columns = c.scope:texts(argument(c, 3, "columns", "cols"))
  if not sql or not columns then return "a key's columns" end
  return add(c, sql, "PRIMARY KEY (" .. program.names(columns) .. ")")
end
keywords.create_primary_key = known_keywords
  "schema columns cols table_name constraint_name"

function ops.create_check_constraint(c)
  local sql = target(c, 2, "table_name", "source")
  local text, problem = parts.sql_of(c.scope, argument(c, 3, "condition"))
  if not sql or not text then return problem or "the table's name" end
  return add(c, sql, ("CHECK (%s)%s"):format(text,
    option(c, "postgresql_not_valid", " NOT VALID")))
end
keywords.create_check_constraint = known_keywords [[schema condition
  table_name source constraint_name postgresql_not_valid]]

function ops.create_foreign_key(c)
  local sql = target(c, 2, "source_table", "source")
  local refers = c.scope:text(argument(c, 3, "referent_table", "referent"))
  local own = c.scope:texts(argument(c, 4, "local_cols"))
  local there = c.scope:texts(argument(c, 5, "remote_cols"))
  if not sql or not refers or not own or not there then
    return "a foreign key's tables and columns"
  end
  local schema = c.call.kw.referent_schema and
    c.scope:text(c.call.kw.referent_schema)
  local options, problem = parts.key_options(c.scope, c.call.kw)
  if not options then return problem end
  return add(c, sql, ("FOREIGN KEY (%s) REFERENCES %s (%s)%s"):format(
    program.names(own), qualified(schema, refers), program.names(there),
    options))
end
keywords.create_foreign_key = known_keywords(key_words .. [[ source_table
  referent_table local_cols remote_cols source referent constraint_name
  use_alter]])

function ops.create_exclude_constraint()
  return "an exclusion constraint"
end

function ops.drop_constraint(c)
  local sql = target(c, 2, "table_name")
  local text = parts.identifier(c.scope,
                                c.call.kw.constraint_name or c.call.args[1])
  if not sql or not text then
    return "a constraint's name, which a naming convention may make"
  end
  c.out:sql(c.line, ("ALTER TABLE %s DROP CONSTRAINT %s%s"):format(sql,
    option(c, "if_exists", "IF EXISTS "), name(text)))
end
keywords.drop_constraint = known_keywords
  "schema type_ table_name constraint_name if_exists"

function ops.create_table_comment(c)
  local sql = target(c, 1, "table_name")
  local text = c.scope:text(argument(c, 2, "comment"))
  if not sql or not text then return "a comment" end
  c.out:sql(c.line, ("COMMENT ON TABLE %s IS %s"):format(sql,
    program.literal(text)))
end
keywords.create_table_comment = known_keywords "schema comment table_name"

function ops.drop_table_comment(c)
  local sql = target(c, 1, "table_name")
  if not sql then return "the table's name" end
  c.out:sql(c.line, ("COMMENT ON TABLE %s IS NULL"):format(sql))
end
keywords.drop_table_comment = known_keywords "schema table_name"

--- Run one operation. Returns the problem, or nothing.
function ops.run(c, operation)
  local make, known = ops[operation], keywords[operation]
  if not make or not (known or operation == "create_exclude_constraint") then
    return "the operation " .. operation .. " is not known"
  end
  if c.call.star then return "arguments that are not written here" end
  for key in pairs(c.call.kw) do
    if not (known and known[key]) and not foreign_keyword(key) then
      return "the option " .. key
    end
  end
  return make(c)
end

return ops
