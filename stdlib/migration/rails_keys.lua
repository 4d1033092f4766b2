-- luacheck: globals host migration
--- Rails' schema statements about references, indexes, keys, constraints,
--- types and extensions: they join those of rails_ops.lua.

local program, values = migration.program, migration.rails_values
local tables, ops = migration.rails_table, migration.rails_ops
local name, quoted = program.name, values.table
local text, say = ops.text, ops.say

local function node_of(v) return { k = "str", v = v } end

local function is_true(c, node)
  return node ~= nil and c.v:boolean(node) == true
end

-- References -----------------------------------------------------------------

function ops.add_reference(c, command)
  local table_name, word = text(c, command.args[1]), text(c, command.args[2])
  if not table_name or not word then return "a reference" end
  local found, problem = tables.reference(c, table_name, word, command.kw)
  if not found then return problem end
  for _, column in ipairs(found.columns) do
    problem = ops.add_column(c, { kw = column[3], args = {
      command.args[1], node_of(column[1]), node_of(column[2]) } })
    if problem then return problem end
  end
  if found.key then
    local sql
    sql, problem = tables.key(c, table_name, found.key[1], found.key[2])
    if not sql then return problem end
    say(c, "ALTER TABLE %s ADD %s", quoted(table_name), sql)
  end
  if found.index then
    return tables.add_index(c, table_name, found.index[1], found.index[2])
  end
end
ops.add_belongs_to = ops.add_reference

function ops.remove_reference(c, command)
  local table_name, word = text(c, command.args[1]), text(c, command.args[2])
  if not table_name or not word then return "a reference" end
  local kw = command.kw
  local many = kw.polymorphic and c.v:boolean(kw.polymorphic) ~= false
  if kw.foreign_key and c.v:boolean(kw.foreign_key) ~= false then
    local options = c.v:hash(kw.foreign_key) or {}
    local own = text(c, options.name) or values.key_name(table_name,
      text(c, options.column) or word .. "_id")
    say(c, "ALTER TABLE %s DROP CONSTRAINT %s", quoted(table_name), name(own))
  end
  for _, column in ipairs(many and { word .. "_id", word .. "_type" } or
                          { word .. "_id" }) do
    say(c, "ALTER TABLE %s DROP COLUMN %s", quoted(table_name), name(column))
  end
end
ops.remove_belongs_to = ops.remove_reference

-- Indexes --------------------------------------------------------------------

function ops.add_index(c, command)
  local table_name = text(c, command.args[1])
  local columns = command.args[2] and c.v:texts(command.args[2])
  if not table_name or not columns then return "an index's columns" end
  return tables.add_index(c, table_name, columns, command.kw)
end

--- The name that an index of these columns has, as far as the files tell.
local function index_of(c, table_name, columns)
  local usual = values.index_name(table_name, columns)
  local all = c.history.indexes[table_name] or {}
  if all[usual] then return usual end
  local wanted = table.concat(columns, "\0")
  for index, its in pairs(all) do
    if table.concat(its, "\0") == wanted then return index end
  end
  return usual
end

function ops.remove_index(c, command)
  local table_name, kw = text(c, command.args[1]), command.kw
  local own = text(c, kw.name)
  local node = command.args[2] or kw.column
  local columns = node and c.v:texts(node)
  if not table_name or not (own or columns) then return "an index" end
  own = own or index_of(c, table_name, columns)
  local schema = table_name:match "^([^.]+)%."
  say(c, "DROP INDEX %s%s%s",
      text(c, kw.algorithm) == "concurrently" and "CONCURRENTLY " or "",
      is_true(c, kw.if_exists) and "IF EXISTS " or "",
      program.qualified(schema, own))
  if c.history.indexes[table_name] then
    c.history.indexes[table_name][own] = nil
  end
end

function ops.rename_index(c, command)
  local table_name = text(c, command.args[1])
  local old, new = text(c, command.args[2]), text(c, command.args[3])
  if not old or not new then return "an index" end
  say(c, "ALTER INDEX %s RENAME TO %s", name(old), name(new))
  local all = c.history.indexes[table_name or ""]
  if all then all[new], all[old] = all[old], nil end
end

-- Keys and constraints -------------------------------------------------------

function ops.add_foreign_key(c, command)
  local table_name, to = text(c, command.args[1]), text(c, command.args[2])
  if not table_name or not to then return "a foreign key" end
  local sql, problem = tables.key(c, table_name, to, command.kw)
  if not sql then return problem end
  say(c, "ALTER TABLE %s ADD %s", quoted(table_name), sql)
end

--- The name of a foreign key that is told by what it refers to.
local function key_of(c, table_name, command)
  local kw = command.kw
  local own = text(c, kw.name)
  if own then return own end
  local to = command.args[2] and text(c, command.args[2]) or
    text(c, kw.to_table)
  local column = text(c, kw.column) or
    to and values.singular(values.bare(to)) .. "_id"
  local found
  for _, key in pairs(c.history.keys) do
    if key.table == table_name and (not to or key.to == to) and
      (key.column == column or not kw.column and key.to == to) then
      if found then return values.key_name(table_name, column) end
      found = key.name
    end
  end
  return found or column and values.key_name(table_name, column)
end

function ops.remove_foreign_key(c, command)
  local table_name = text(c, command.args[1])
  local own = table_name and key_of(c, table_name, command)
  if not own then return "a foreign key" end
  say(c, "ALTER TABLE %s DROP CONSTRAINT %s%s", quoted(table_name),
      is_true(c, command.kw.if_exists) and "IF EXISTS " or "", name(own))
  c.history.keys[table_name .. "." .. own] = nil
end

function ops.validate_foreign_key(c, command)
  local table_name = text(c, command.args[1])
  local own = table_name and key_of(c, table_name, command)
  if not own then return "a foreign key" end
  say(c, "ALTER TABLE %s VALIDATE CONSTRAINT %s", quoted(table_name),
      name(own))
end

function ops.add_check_constraint(c, command)
  local table_name = text(c, command.args[1])
  local expression = text(c, command.args[2])
  if not table_name or not expression then return "a constraint" end
  local kw = command.kw
  local own = text(c, kw.name) or values.check_name(table_name, expression)
  local not_valid = kw.validate and c.v:boolean(kw.validate) == false
  say(c, "ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s)%s", quoted(table_name),
      name(own), expression, not_valid and " NOT VALID" or "")
end

local function check_of(c, command)
  local table_name = text(c, command.args[1])
  local expression = command.args[2] and text(c, command.args[2])
  local own = text(c, command.kw.name) or table_name and expression and
    values.check_name(table_name, expression)
  return table_name, own
end

function ops.remove_check_constraint(c, command)
  local table_name, own = check_of(c, command)
  if not own then return "a constraint" end
  say(c, "ALTER TABLE %s DROP CONSTRAINT %s%s", quoted(table_name),
      is_true(c, command.kw.if_exists) and "IF EXISTS " or "", name(own))
end

function ops.validate_check_constraint(c, command)
  local table_name, own = check_of(c, command)
  if not own then return "a constraint" end
  say(c, "ALTER TABLE %s VALIDATE CONSTRAINT %s", quoted(table_name),
      name(own))
end

function ops.validate_constraint(c, command)
  local table_name, own = text(c, command.args[1]), text(c, command.args[2])
  if not table_name or not own then return "a constraint" end
  say(c, "ALTER TABLE %s VALIDATE CONSTRAINT %s", quoted(table_name),
      name(own))
end

-- Extensions, types, schemas -------------------------------------------------

function ops.enable_extension(c, command)
  local own = text(c, command.args[1])
  if not own then return "an extension" end
  say(c, "CREATE EXTENSION IF NOT EXISTS %s", name(values.bare(own)))
end

function ops.disable_extension(c, command)
  local own = text(c, command.args[1])
  if not own then return "an extension" end
  say(c, "DROP EXTENSION IF EXISTS %s CASCADE", name(own))
end

function ops.create_enum(c, command)
  local own = text(c, command.args[1])
  local labels = command.args[2] and c.v:texts(command.args[2])
  if not own or not labels then return "an enum" end
  local out = {}
  for i, label in ipairs(labels) do out[i] = program.literal(label) end
  local schema, bare = own:match "^(.-)%.(.*)$"
  c.out:sql(c.line, ("CREATE TYPE %s AS ENUM (%s)"):format(quoted(own),
    table.concat(out, ", ")),
    { unless_type = { schema = schema, name = bare or own } })
end

function ops.drop_enum(c, command)
  local own = text(c, command.args[1])
  if not own then return "an enum" end
  say(c, "DROP TYPE %s%s", is_true(c, command.kw.if_exists) and
      "IF EXISTS " or "", quoted(own))
end

function ops.rename_enum(c, command)
  local old = text(c, command.args[1])
  local new = text(c, command.kw.to or command.args[2])
  if not old or not new then return "an enum" end
  say(c, "ALTER TYPE %s RENAME TO %s", quoted(old), name(new))
end

function ops.add_enum_value(c, command)
  local own, value = text(c, command.args[1]), text(c, command.args[2])
  if not own or not value then return "an enum's value" end
  local before, after = text(c, command.kw.before), text(c, command.kw.after)
  say(c, "ALTER TYPE %s ADD VALUE %s%s%s", quoted(own),
      is_true(c, command.kw.if_not_exists) and "IF NOT EXISTS " or "",
      program.literal(value),
      before and " BEFORE " .. program.literal(before) or
      after and " AFTER " .. program.literal(after) or "")
end

function ops.rename_enum_value(c, command)
  local own = text(c, command.args[1])
  local old, new = text(c, command.kw.from), text(c, command.kw.to)
  if not own or not old or not new then return "an enum's value" end
  say(c, "ALTER TYPE %s RENAME VALUE %s TO %s", quoted(own),
      program.literal(old), program.literal(new))
end

function ops.create_schema(c, command)
  local own = text(c, command.args[1])
  if not own then return "a schema" end
  say(c, "CREATE SCHEMA %s", name(own))
end

function ops.drop_schema(c, command)
  local own = text(c, command.args[1])
  if not own then return "a schema" end
  say(c, "DROP SCHEMA %s%s CASCADE", is_true(c, command.kw.if_exists) and
      "IF EXISTS " or "", name(own))
end

--- SQL as a text; its lines are the file's where the file has it as it is.
function ops.execute(c, command)
  if not command.args[1] then return "SQL that is not there" end
  local sql, written = c.v:text(command.args[1])
  if not sql then return "SQL that is not written as one text" end
  local first = written.first
  -- A here-document begins a line of its own, and keeps its lines.
  local exact = first and (c.text:sub(first - 1, first - 1) == "\n" or
    c.text:sub(first, first + #sql - 1) == sql)
  local extra = exact and { sql_line = c.line_of(first) } or nil
  c.out:sql(c.line, sql, extra)
end

return ops
